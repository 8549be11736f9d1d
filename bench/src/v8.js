// Measures a kernel: `bench/src/v8.rs` says what comes in and what goes out.
const [argument, seconds, least] = process.argv.slice(1).map(Number);
const { run } = new WebAssembly.Instance(new WebAssembly.Module(require("fs").readFileSync(0))).exports;
const result = run(argument);
// V8 compiles a function twice: the first runs are those of the quick tier.
for (const start = performance.now(); performance.now() - start < 200 * Math.min(seconds, 1);) run(argument);
const samples = [];
for (const start = performance.now(); samples.length < least || performance.now() - start < 1000 * seconds;) {
  const before = process.hrtime.bigint();
  run(argument);
  samples.push(process.hrtime.bigint() - before);
}
console.log([result, ...samples].join("\n"));
