// Failures, requests, and the loop that serves them.

const engine = platform();
const LONGEST_TRACE = 1000000;
// The lines that are left for the frames of host calls in this request. Without a limit, a host function in a deep
// recursion would write down the whole stack at each level.
const HOST_LINES = 1 << 17;
let hostLines = HOST_LINES;
Error.stackTraceLimit = LONGEST_TRACE;
if (engine.withoutNames) {
  Error.prepareStackTrace = (_, sites) => sites.map((site) => site.getFunctionName() || "").join("\n");
}

// The frames of an error, or nothing if the engine may have cut them.
function framesOf(error) {
  const lines = String(error.stack).split(engine.between || "\n").filter((line) => line !== "");
  if (engine.mostFrames && lines.length >= engine.mostFrames) return undefined;
  const frames = [];
  for (const line of lines) {
    const frame = engine.frame(line);
    if (frame && frame.module !== THUNK) frames.push(frame);
  }
  return frames;
}

// The frames of a host call, or nothing if the lines may not suffice. All later calls then have none.
function hostFrames() {
  if (hostLines === 0) return undefined;
  Error.stackTraceLimit = hostLines;
  const error = new Error();
  const frames = framesOf(error);
  Error.stackTraceLimit = LONGEST_TRACE;
  hostLines = Math.max(0, hostLines - String(error.stack).split("\n").length);
  return hostLines === 0 ? undefined : frames;
}

function answerTo(error) {
  if (error instanceof Stop) return error.answer;
  if (stopped.answer) return stopped.answer;
  const message = String(error && error.message).replace(/^WebAssembly\.Instance\(\): /, "");
  if (engine.stackOverflow.test(message)) return { trap: { kinds: ["stack-overflow"], message } };
  const fail = (reason) => ({ failed: { reason, message: `${error && error.name}: ${message}` } });
  const known = engine.texts.find(([pattern]) => pattern.test(message));
  if (error instanceof WebAssembly.RuntimeError) {
    if (!known && engine.resource.test(message)) return fail("resource");
    return { trap: { kinds: known ? known[1] : ["other"], message, frames: framesOf(error) } };
  }
  if (error instanceof WebAssembly.LinkError) {
    // Older engines report a segment that does not fit as a link error.
    if (known) return { trap: { kinds: known[1], message, frames: [] } };
    return { failed: { reason: "link", message: `incompatible import type: ${message}` } };
  }
  if (WebAssembly.Exception && error instanceof WebAssembly.Exception) return { exception: thrown(error) };
  if (error instanceof RangeError || engine.resource.test(message)) return fail("resource");
  return fail("internal");
}

// Tag and payload of an exception, if some instance exports the tag.
function thrown(exception) {
  const tag = store.tags.findIndex(({ value }) => exception.is(value));
  if (tag < 0) return {};
  const payload = payloadOf(exception, store.tags[tag]);
  return payload ? { tag, payload } : { tag };
}

function payloadOf(exception, { value: tag, type }) {
  const { params } = type;
  if (has(type, isForeign)) return undefined;
  if (!has(type, isHidden)) return raiseValues(store, params, params.map((_, index) => exception.getArg(tag, index)));
  if (!FEATURES.includes("exceptions")) return undefined;
  const raising = () => {
    throw exception;
  };
  return raiseValues(store, params, resultList(params, payloadReader(type, tag, raising)()));
}

let store = null;
let calls = [];
// The answer to give after a host function has stopped WebAssembly by a trap.
const stopped = { answer: null, trap: null };

function instanceOf({ instance }) {
  const known = store.instances.get(instance);
  if (!known) throw failed("usage", `there is no instance ${instance}`);
  return known;
}

function exportOf(request, name, kind) {
  const { instance, exports } = instanceOf(request);
  const item = exports.get(name);
  if (!item || item.kind !== kind) throw failed("usage", `there is no exported ${kind} ${JSON.stringify(name)}`);
  const value = instance.exports[name];
  if (value === undefined) throw failed("internal", `the engine does not show the export ${JSON.stringify(name)}`);
  return { value, type: item.type };
}

// Calls a WebAssembly function with JavaScript values of the lowered types.
function call(func, type, values) {
  if (has(type, isForeign)) throw failed("unsupported", "the function has parameters or results without words");
  if (!has(type, isHidden)) return resultList(type.results, func(...values));
  let through = store.thunks.get(func);
  if (!through) store.thunks.set(func, (through = thunk(type, false, func)));
  return resultList(type.results, through(...values));
}

// An index of a table or memory, as JavaScript takes it: a BigInt if indices have 64 bits.
const indexOf = (flags, index) => (flags & 4 ? BigInt(index) : index);

// Reads a value. The engine refuses to show one that JavaScript does not have, such as an exception.
function shown(read) {
  try {
    return read();
  } catch (error) {
    throw failed("unsupported", String(error));
  }
}

function readGlobal({ value, type }) {
  if (isHidden(type.type)) {
    const result = globalReader(type, value)();
    return raiseValues(store, [type.type], resultList([type.type], result))[0];
  }
  return raiseValues(store, [type.type], [shown(() => value.value)])[0];
}

function memoryState(memory) {
  const STRETCH = 4096, SHOWN = 1 << 24;
  const buffer = memory.buffer;
  const shown = Math.min(buffer.byteLength, SHOWN);
  const stretches = [];
  for (let start = 0; start < shown; start += STRETCH) {
    const length = Math.min(STRETCH, shown - start);
    const bytes = new Uint8Array(buffer, start, length);
    const nonzero = length % 8 === 0 ? new Float64Array(buffer, start, length / 8) : bytes;
    // `Object.is` tells minus zero and NaN from zero, so only zero bits count as zero.
    if (nonzero.some((value) => !Object.is(value, 0))) stretches.push([start / STRETCH, toBase64(bytes)]);
  }
  return { length: buffer.byteLength, stretches };
}

function tableState({ value: table, type }) {
  const length = Number(table.length);
  const elements = [];
  for (let index = 0; index < Math.min(length, 1 << 16); index++) {
    const element = shown(() => table.get(indexOf(type.flags, index)));
    if (element !== null) elements.push([index, reference(store, type.type, element)]);
  }
  return { length, elements };
}

// Stops WebAssembly by a trap: it could catch what JavaScript throws.
function stop(reason, message) {
  if (!stopped.trap) stopped.trap = trapping();
  stopped.answer = { failed: { reason, message } };
  stopped.trap();
}

function trapping() {
  const parts = () => ({ more: [{ params: [], results: [] }], imports: [], type: 0, code: [0] });
  return made(NO_MODULE, "trap", parts, []);
}

function hostFunction({ module, name, behavior, ...names }) {
  const [params, results] = [names.params.map(plain), names.results.map(plain)];
  const returned = behavior.return && lowerValues(store, results, behavior.return);
  const host = (...values) => {
    const call = { module, name, arguments: raiseValues(store, params, values) };
    const frames = hostFrames();
    if (frames) call.frames = frames;
    calls.push(call);
    if (returned) return returned.length <= 1 ? returned[0] : returned;
    if (behavior.fail !== undefined) stop("host", behavior.fail);
    if (behavior.panic !== undefined) stop("panic", behavior.panic);
    return callBack(params, results, values);
  };
  return thunk({ params, results }, true, host);
}

function callBack(params, results, [callee, ...values]) {
  if (callee === null) stop("host", "the host was given no function to call");
  const list = call(callee, { params: params.slice(1), results }, values);
  return list.length <= 1 ? list[0] : list;
}

function importsOf(module) {
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    const value = store.registered.get(from) && store.registered.get(from).get(name);
    if (value === undefined) throw failed("link", `unknown import ${from}.${name}`);
    imports[from] = imports[from] || Object.create(null);
    imports[from][name] = value;
  }
  return imports;
}

function makeImportable(module, name, value) {
  if (!store.registered.has(module)) store.registered.set(module, new Map());
  store.registered.get(module).set(name, value);
}

const serve = {
  hello() {
    const { engine: name, version, tells } = engine;
    return { hello: { protocol: 1, engine: name, version, features: FEATURES, fixed_features: true, tells } };
  },

  reset() {
    store = {
      modules: new Map(),
      instances: new Map(),
      registered: new Map(),
      tags: [],
      references: new References(),
      thunks: new WeakMap(),
    };
    return { done: {} };
  },

  define({ functions }) {
    for (const func of functions) makeImportable(func.module, func.name, hostFunction(func));
    return { done: {} };
  },

  load({ module, binary: text }) {
    const bytes = fromBase64(text);
    let compiled;
    try {
      compiled = new WebAssembly.Module(engine.withoutNames ? stripNames(bytes) : bytes);
    } catch (error) {
      const message = String(error.message);
      const rejected = error instanceof WebAssembly.CompileError;
      const phase = engine.limit && engine.limit.test(message) ? "unsupported" : rejected ? "rejected" : "internal";
      return { refused: { phase, message } };
    }
    store.modules.set(module, { compiled, exports: exportsOf(bytes) });
    return { done: {} };
  },

  instantiate({ module, instance }) {
    const known = store.modules.get(module);
    if (!known) throw failed("usage", `there is no module ${module}`);
    const value = new WebAssembly.Instance(known.compiled, importsOf(known.compiled));
    store.instances.set(instance, { instance: value, exports: known.exports });
    for (const [name, { kind, type }] of known.exports) {
      const tag = kind === "tag" && value.exports[name];
      if (tag && store.tags.every((known) => known.value !== tag)) store.tags.push({ value: tag, type });
    }
    return { done: {} };
  },

  register(request) {
    const { instance } = instanceOf(request);
    for (const name of Object.keys(instance.exports)) makeImportable(request.name, name, instance.exports[name]);
    return { done: {} };
  },

  invoke(request) {
    const { value, type } = exportOf(request, request.function, "func");
    const list = call(value, type, lowerValues(store, type.params, request.arguments));
    return { values: raiseValues(store, type.results, list) };
  },

  get(request) {
    return { values: [readGlobal(exportOf(request, request.global, "global"))] };
  },

  state(request) {
    const list = [];
    for (const [name, { kind }] of instanceOf(request).exports) {
      if (kind === "global") list.push({ name, global: readGlobal(exportOf(request, name, kind)) });
      else if (kind === "memory") list.push({ name, memory: memoryState(exportOf(request, name, kind).value) });
      else if (kind === "table") list.push({ name, table: tableState(exportOf(request, name, kind)) });
    }
    return { exports: list };
  },

  read(request) {
    const { offset, length, memory } = request;
    const { buffer } = exportOf(request, memory, "memory").value;
    if (offset + length > buffer.byteLength) throw failed("usage", "the range lies outside the memory");
    return { bytes: toBase64(new Uint8Array(buffer, offset, length)) };
  },
};

function reply({ id, ...ask }) {
  const [what] = Object.keys(ask);
  calls = [];
  hostLines = HOST_LINES;
  stopped.answer = null;
  let answer;
  try {
    answer = what in serve ? serve[what](ask[what]) : { failed: { reason: "unsupported", message: `${what}?` } };
  } catch (error) {
    answer = answerTo(error);
  }
  return calls.length === 0 ? { id, ...answer } : { id, calls, ...answer };
}

function ascii(line) {
  return line.replace(/[\u0080-\uffff]/g, (unit) => "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0"));
}

for (let line = engine.readLine(); line !== null; line = engine.readLine()) {
  engine.writeLine(ascii(JSON.stringify(reply(JSON.parse(line)))));
}
