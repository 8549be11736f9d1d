// The engines: the meaning of their texts, the form of their frames, and the input and output of their shells.

// The kinds of traps by an engine's text. A text that an engine uses for several kinds means all of them.
const MEMORY = "memory-out-of-bounds", TABLE = "table-out-of-bounds", UNDEFINED = "undefined-element";
const NULL_ENTRY = "uninitialized-element", MISMATCH = "indirect-call-type-mismatch";
const OVERFLOW = "integer-overflow", DIVISION = "integer-divide-by-zero", CONVERSION = "invalid-conversion-to-integer";
const NULL = "null-reference", CAST = "cast-failure", ARRAY = "array-out-of-bounds";
const UNALIGNED = "unaligned-atomic", UNSHARED = "expected-shared-memory", HEAP = "out-of-heap";

const V8 = {
  engine: "V8",
  texts: [
    [/^unreachable$/, ["unreachable"]],
    [/^memory access out of bounds$|data segment.* out of bounds/, [MEMORY]],
    [/^table index is out of bounds$/, [UNDEFINED, TABLE]],
    [/^table access out of bounds$|element segment.* out of bounds|table initializer.* out of bounds/, [TABLE]],
    [/^(null function or )?function signature mismatch$/, [MISMATCH, NULL_ENTRY]],
    // A call where no signature can mismatch.
    [/^null function$/, [NULL_ENTRY]],
    [/^(divide|remainder) by zero$/, [DIVISION]],
    [/^divide result unrepresentable$/, [OVERFLOW]],
    [/^float unrepresentable in integer range$/, [OVERFLOW, CONVERSION]],
    [/^dereferencing a null pointer$|^rethrowing null value$/, [NULL]],
    [/^illegal cast$/, [CAST]],
    [/^array element access out of bounds$/, [ARRAY]],
    // The length is checked before the segment.
    [/^requested new array is too large$/, [HEAP, TABLE, MEMORY]],
    [/^operation does not support unaligned accesses$/, [UNALIGNED]],
    [/^Atomics\.wait cannot be called in this context$/, [UNSHARED]],
  ],
  stackOverflow: /^Maximum call stack size exceeded/,
  resource: /[Oo]ut of memory|could not allocate|too many|exceeds|maximum/,
  limit: /larger than implementation limit/,
  // A function's name may contain line breaks.
  between: /\n(?=\s+at )/,
  frame(line) {
    const match = /^\s+at (?:(.*) \()?wasm:\/\/wasm\/(.*):wasm-function\[(\d+)\]:0x([0-9a-f]+)\)?$/s.exec(line);
    if (!match) return null;
    const module = /^(.*)-[0-9a-f]{8,}$/.exec(match[2]);
    const frame = { func: Number(match[3]), offset: parseInt(match[4], 16) };
    if (module) frame.module = module[1];
    // `module.function`, `module` for a function without a name, or `function` in a module without one.
    const shown = match[1];
    if (shown !== undefined && !module) frame.name = shown;
    if (shown !== undefined && module && shown !== module[1]) frame.name = shown.slice(module[1].length + 1);
    return frame;
  },
  tells: ["frames", "offsets", "state", "exceptions"],
};

const JSC = {
  engine: "JavaScriptCore",
  texts: [
    [/^Unreachable code should not be executed/, ["unreachable"]],
    [/^Out of bounds memory access/, [MEMORY, UNALIGNED, UNSHARED]],
    [/^Unaligned memory access/, [UNALIGNED]],
    [/^Out of bounds (or failed to allocate in )?array\.(new|init)_data/, [MEMORY, ARRAY]],
    [/^Out of bounds (or failed to allocate in )?array\.(new|init)_elem/, [TABLE, ARRAY]],
    [/^access to a null reference/, [NULL, CAST]],
    [/^Out of bounds data.* access|data segment|Invalid data segment/, [MEMORY]],
    [/^Out of bounds table access|^Out of bounds element|^Element is trying to set an out of bounds/, [TABLE]],
    [/^Out of bounds call_indirect/, [UNDEFINED]],
    [/^call_indirect to a null table entry/, [NULL_ENTRY]],
    [/^call_indirect to a signature that does not match/, [MISMATCH, NULL_ENTRY]],
    [/^Division by zero/, [DIVISION]],
    [/^Integer overflow/, [OVERFLOW]],
    [/^Out of bounds Trunc operation/, [OVERFLOW, CONVERSION]],
    [/null reference|null exception/, [NULL]],
    [/^ref\.cast failed/, [CAST]],
    [/^Out of bounds array/, [ARRAY]],
  ],
  stackOverflow: /^Maximum call stack size exceeded/,
  resource: /[Oo]ut of memory|couldn't create|too large|exceeds|maximum/,
  // `name.wasm-function[7]`. A name from the name section would take the place of the index, so the engine gets the
  // module without that section.
  frame(line) {
    const match = /^(.*)\.wasm-function\[(\d*)\]$/.exec(line);
    if (!match) return null;
    const frame = { func: Number(match[2]) };
    if (match[1] === THUNK) frame.module = THUNK;
    return frame;
  },
  withoutNames: true,
  tells: ["frames", "state", "exceptions"],
};

const SPIDERMONKEY = {
  engine: "SpiderMonkey",
  texts: [
    [/^unreachable executed$/, ["unreachable"]],
    [/^index out of bounds$/, [MEMORY, UNDEFINED, TABLE, ARRAY]],
    [/^out of bounds memory access|data segment does not fit/, [MEMORY]],
    [/^unaligned memory access/, [UNALIGNED]],
    [/^table index out of bounds$/, [TABLE, UNDEFINED]],
    [/elem(ent)? segment does not fit/, [TABLE]],
    [/^indirect call to null$/, [NULL_ENTRY]],
    [/^indirect call signature mismatch$/, [MISMATCH]],
    [/^integer divide by zero$/, [DIVISION]],
    [/^integer overflow$/, [OVERFLOW]],
    [/^invalid conversion to integer$/, [CONVERSION]],
    [/^dereferencing null pointer$/, [NULL]],
    [/^bad cast$/, [CAST]],
  ],
  stackOverflow: /^too much recursion/,
  resource: /out of memory|too many|too much|failed to allocate|maximum|too large/,
  frame(line) {
    const match = /^(.*)@.*:wasm-function\[(\d+)\]:0x([0-9a-f]+)$/.exec(line);
    // An imported function without a caller, such as a start function, is shown as a frame at offset 0.
    if (!match || match[3] === "0") return null;
    const frame = { func: Number(match[2]), offset: parseInt(match[3], 16) };
    if (match[1].startsWith(THUNK + ".")) frame.module = THUNK;
    return frame;
  },
  // An error object keeps at most this many frames. A backtrace of that length may have been cut.
  mostFrames: 128,
  tells: ["frames", "offsets", "state"],
};

// The engine that runs this program, with `version`, `readLine`, `writeLine` and `collect`.
function platform() {
  if (typeof process !== "undefined" && typeof require === "function") {
    const bun = typeof Bun !== "undefined";
    const version = bun ? `bun ${Bun.version}` : `${process.versions.v8} (node ${process.versions.node})`;
    return Object.assign({}, bun ? JSC : V8, { version, collect() {} }, descriptors(require("fs")));
  }
  const version = typeof getBuildConfiguration === "function" ? getBuildConfiguration().version : undefined;
  return Object.assign({}, SPIDERMONKEY, {
    version: version || "of the shell, which does not tell",
    readLine: () => readline(),
    writeLine: (line) => print(line),
    collect: () => gc(),
  });
}

// Reads and writes lines synchronously: a request is served before the next one is read.
function descriptors(fs) {
  const buffer = Buffer.alloc(1 << 16);
  let parts = [], rest = Buffer.alloc(0);
  return {
    readLine() {
      for (;;) {
        const end = rest.indexOf(10);
        if (end >= 0) {
          parts.push(rest.subarray(0, end));
          const line = Buffer.concat(parts).toString("latin1");
          parts = [];
          rest = rest.subarray(end + 1);
          return line;
        }
        parts.push(rest);
        let length;
        try {
          length = fs.readSync(0, buffer, 0, buffer.length, null);
        } catch (error) {
          if (error.code === "EOF") return null;
          if (error.code !== "EAGAIN") throw error;
          continue;
        }
        if (length === 0) return null;
        rest = Buffer.from(buffer.subarray(0, length));
      }
    },
    writeLine(line) {
      const bytes = Buffer.from(line + "\n", "latin1");
      for (let start = 0; start < bytes.length; ) start += fs.writeSync(1, bytes, start);
    },
  };
}
