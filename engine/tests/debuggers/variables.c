// Functions whose variables debuggers show, with values that follow from the argument of `outer`.

extern int call_back(int n) __attribute__((import_module("host"), import_name("call_back")));

static int kept;

static void keep(int n) {
    kept = n;
}

struct pair { int first; long long second; };

static double mix(int n, long long wide, float narrow, double exact) {
    static int calls = 40;
    unsigned char bytes[3] = {n, n + 1, n + 2};
    struct pair pair = {n * 2, wide * 3};
    calls++;
    return exact + narrow + pair.first + bytes[1]; // in mix
}

static int add_up(int count) {
    int total = 0;
    for (int i = 0; i < count; i++) {
        int square = i * i;
        total += square;
        keep(total); // in add_up
    }
    return total;
}

__attribute__((export_name("inner"))) int inner(int n) {
    int twice = n * 2;
    keep(twice); // in inner
    return twice + 1;
}

__attribute__((export_name("outer"))) int outer(int n) {
    int before = n + 1;
    double mixed = mix(before, 5000000000 + n, 0.5f, 2.25);
    int total = add_up(4);
    int result = call_back(total); // in outer
    return result + (int)mixed;
}
