// The program that debuggers watch. It calls a function of the host, which calls `wasm_inner`.

struct point { int x; int y; };

static int wasm_weigh(struct point *p, int factor) {
    int total = 0;
    for (int i = 0; i < factor; i++) {
        total += p->x * i + p->y;
    }
    return total;
}

extern int call_back(int n) __attribute__((import_module("host"), import_name("call_back")));

__attribute__((export_name("inner"))) int wasm_inner(int n) {
    int twice = n * 2;
    return twice + 1;
}

__attribute__((export_name("outer"))) int wasm_outer(int n) {
    struct point here = {n, 3};
    double half = n / 4.0;
    int weight = wasm_weigh(&here, 4);
    return call_back(weight) + (int)half;
}
