// Thunks: small modules between WebAssembly and JavaScript. And small modules that show which features an engine has.

const THUNK = "touchstone-thunk";
const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

function leb(number) {
  const bytes = [];
  for (; number >= 128; number >>>= 7) bytes.push((number & 127) | 128);
  return bytes.concat(number);
}

// A number that is not negative, as a signed LEB128.
function signed(number) {
  const bytes = leb(number);
  if (bytes[bytes.length - 1] < 64) return bytes;
  bytes[bytes.length - 1] |= 128;
  return bytes.concat(0);
}

const list = (items) => leb(items.length).concat(...items);
const text = (string) => list([...string].map((letter) => letter.charCodeAt(0)));
const section = (id, bytes) => [id].concat(leb(bytes.length), bytes);
const binary = (...sections) => new Uint8Array(HEADER.concat(...sections));
const functionType = ({ params, results }) =>
  [0x60].concat(list(params.map(({ code }) => code)), list(results.map(({ code }) => code)));
// The name section of a thunk, by which its frames are recognized.
const named = () => section(0, text("name").concat(0, leb(THUNK.length + 1), text(THUNK)));

const SAME = { types: null, lower: [], raise: [] };
const WAYS = {
  f32: { types: ["i32"], lower: [0xbc], raise: [0xbe] },
  f64: { types: ["i64"], lower: [0xbd], raise: [0xbf] },
  v128: { types: ["i64", "i64"] },
};
const way = ({ name }) => WAYS[name] || SAME;
const lowered = (types) => types.flatMap((type) => (way(type).types ? way(type).types.map(plain) : [type]));
const has = ({ params, results }, test) => params.some(test) || results.some(test);
const isHidden = ({ name }) => name in WAYS;
const isForeign = ({ name }) => name === "other";

// Pushes locals of these types, from `first` on, as lowered values.
function lower(types, first) {
  return [].concat(
    ...types.map((type, index) => {
      const get = [0x20].concat(leb(first + index));
      if (type.name === "v128") return get.concat(0xfd, 0x1d, 0, get, 0xfd, 0x1d, 1);
      return get.concat(way(type).lower);
    }),
  );
}

// Pushes values of these types from their lowered parts, in the locals from `first` on.
function raise(types, first) {
  let local = first;
  const get = () => [0x20].concat(leb(local++));
  return [].concat(
    ...types.map((type) => {
      if (type.name === "v128") return get().concat(0xfd, 0x12, get(), 0xfd, 0x1e, 1);
      return get().concat(way(type).raise);
    }),
  );
}

// Pops values into the locals from `first` on.
function pop(types, first) {
  return [].concat(...types.map((_, index) => [0x21].concat(leb(first + types.length - 1 - index))));
}

// The context of host functions, which have no module's types.
const NO_MODULE = { typeSection: { groups: 0, bytes: [] }, count: 0, thunks: new Map() };

// A module of one function. Its types are the types of the context, followed by `more`. The imports are bytes.
function thunkModule({ context, more, imports, type, locals = [], code }) {
  const { groups, bytes } = context.typeSection;
  const functions = imports.filter(([kind]) => kind === 0).length;
  const body = list(locals.map((local) => [1].concat(local.code))).concat(code, 0x0b);
  return new WebAssembly.Module(
    binary(
      section(1, leb(groups + more.length).concat(Array.from(bytes), ...more.map(functionType))),
      section(2, list(imports.map((bytes, index) => text("").concat(text(String(index)), bytes)))),
      section(3, list([leb(type)])),
      section(7, list([text("f").concat(0, leb(functions))])),
      section(10, list([leb(body.length).concat(body)])),
      named(),
    ),
  );
}

// The function of a thunk with these imports. The context keeps the module by a key.
function made(context, key, parts, imports) {
  if (!context.thunks.has(key)) context.thunks.set(key, thunkModule(Object.assign({ context }, parts())));
  return new WebAssembly.Instance(context.thunks.get(key), { "": imports }).exports.f;
}

// Inward, a function of the lowered type that calls `inner` of this type. Outward, one of this type that calls `inner`
// of the lowered type.
function thunk(type, outward, inner) {
  const context = type.context || NO_MODULE;
  const names = (types) => types.map(({ name }) => name);
  const key = type.context ? type.index : `${outward} ${names(type.params)} ${names(type.results)}`;
  return made(context, key, () => thunkParts(type, context, outward), [inner]);
}

function thunkParts(type, context, outward) {
  const low = { params: lowered(type.params), results: lowered(type.results) };
  const own = type.context ? type.index : 1;
  const [outer, inner] = outward ? [type, low] : [low, type];
  const results = outer.params.length;
  const pass = outward ? lower(type.params, 0) : raise(type.params, 0);
  const back = outward ? raise(type.results, results) : lower(type.results, results);
  return {
    more: type.context ? [low] : [low, type],
    imports: [[0].concat(leb(outward ? context.count : own))],
    type: outward ? own : context.count,
    locals: inner.results,
    code: pass.concat(0x10, 0, pop(inner.results, results), back),
  };
}

// A function that reads a global of a type that JavaScript hides.
function globalReader({ type, mutable }, global) {
  const lanes = [0xfd, 0x1d, 0, 0x23, 0, 0xfd, 0x1d, 1];
  const parts = () => ({
    more: [{ params: [], results: lowered([type]) }],
    imports: [[3].concat(type.code, mutable)],
    type: 0,
    code: [0x23, 0].concat(type.name === "v128" ? lanes : way(type).lower),
  });
  return made(NO_MODULE, `global ${type.name} ${mutable}`, parts, [global]);
}

// A function that catches the exception of this tag that `raising` throws, and returns its payload.
function payloadReader(type, tag, raising) {
  const { context, index, params } = type;
  const nothing = context.count;
  const parts = () => ({
    more: [{ params: [], results: [] }, { params: [], results: lowered(params) }, { params: [], results: params }],
    imports: [[0].concat(leb(nothing)), [4, 0].concat(leb(index))],
    type: nothing + 1,
    locals: params,
    code: [0x02].concat(
      signed(nothing + 2), 0x1f, 0x40, 1, 0, 0, 0, 0x10, 0, 0x0b, 0x00, 0x0b, pop(params, 0), lower(params, 0),
    ),
  });
  return made(context, `tag ${index}`, parts, [raising, tag]);
}

// Tells a struct from an array by a cast: JavaScript cannot.
function isStruct(object) {
  const parts = () => ({
    more: [{ params: [plain("anyref")], results: [plain("i32")] }],
    imports: [],
    type: 0,
    code: [0x20, 0, 0xfb, 0x14, 0x6b],
  });
  return made(NO_MODULE, "struct", parts, [])(object) === 1;
}

function features() {
  const types = (...more) => section(1, list([[0x60, 0, 0], ...more]));
  const code = (...body) => section(10, list([leb(body.length + 2).concat(0, body, 0x0b)]));
  const one = section(3, list([[0]]));
  const memory = (...limits) => section(5, list(limits));
  const run = (...body) => [types(), one, code(...body)];
  const zero = [0x41, 0], zeros = [0x42, 0, 0x42, 0, 0x42, 0, 0x42, 0];
  const vector = [...zero, 0xfd, 0x0f];
  const modules = {
    "mutable-globals": [section(6, list([[0x7f, 1, ...zero, 0x0b]])), section(7, list([text("g").concat(3, 0)]))],
    "saturating-float-to-int": run(0x43, 0, 0, 0, 0, 0xfc, 0, 0x1a),
    "sign-extension": run(...zero, 0xc0, 0x1a),
    "multi-value": [section(1, list([[0x60, 0, 2, 0x7f, 0x7f]])), one, code(...zero, ...zero)],
    "reference-types": run(0xd0, 0x6f, 0x1a),
    "bulk-memory": [types(), one, memory([0, 1]), code(...zero, ...zero, ...zero, 0xfc, 0x0a, 0, 0)],
    simd: run(...vector, 0x1a),
    "tail-call": run(0x12, 0),
    "extended-const": [section(6, list([[0x7f, 0, ...zero, ...zero, 0x6a, 0x0b]]))],
    "function-references": run(0xd0, 0, 0x1a),
    gc: [types([0x5f, 0]), one, code(0xfb, 1, 1, 0x1a)],
    "multi-memory": [memory([0, 0], [0, 0])],
    // Some versions have the memories, but not the tables.
    memory64: [section(4, list([[0x70, 4, 0]])), memory([4, 0])],
    exceptions: run(0x1f, 0x40, 0, 0x0b),
    "relaxed-simd": run(...vector, ...vector, 0xfd, 0x80, 2, 0x1a),
    threads: [types(), one, memory([3, 0, 0]), code(0xfe, 3, 0)],
    "custom-page-sizes": [memory([8, 0, 0])],
    "wide-arithmetic": run(...zeros, 0xfc, 0x13, 0x1a, 0x1a),
    "legacy-exceptions": run(0x06, 0x40, 0x0b),
  };
  return Object.keys(modules).filter((name) => WebAssembly.validate(binary(...modules[name])));
}

const FEATURES = features();
