// An adapter of Touchstone's executable protocol (lanes/src/child/protocol.rs) for engines that JavaScript embeds:
// V8 (node), JavaScriptCore (bun) and SpiderMonkey (its shell, js). One file, no dependency:
//
//     node lanes/adapters/javascript.js        bun lanes/adapters/javascript.js        js102 lanes/adapters/javascript.js
//
// JavaScript hides things. Its numbers do not keep the bits of a NaN, `v128` does not cross the boundary, and a
// JavaScript function can be imported with any type. So no value but integers and references crosses: small modules made
// here ("thunks") stand between, which turn floats into integers of the same bits and vectors into two `i64`; host
// functions are thunks too, and have exactly one type. Frames of thunks are left out of backtraces. To know the types of
// exports, the adapter reads the sections of each module before the code; a thunk for a module's function begins with the
// types of that module, so that it can name them.
//
// What JavaScript cannot tell: a malformed from an invalid module (both are CompileError: `rejected`), what a structure or
// an array holds (thunks tell which of the two it is), the frames of an exception, and fuel. An exception shows tag and
// payload if some instance exports its tag. What each engine cannot tell is in its table of texts.
"use strict";

(function () {
  // ---------------------------------------------------------------- the engines

  // The kinds that an engine's words mean. An engine with one text for several kinds gets all of them.
  const MEMORY = "memory-out-of-bounds", TABLE = "table-out-of-bounds", UNDEFINED = "undefined-element";
  const NULL_ENTRY = "uninitialized-element", MISMATCH = "indirect-call-type-mismatch";
  const OVERFLOW = "integer-overflow", DIVISION = "integer-divide-by-zero", CONVERSION = "invalid-conversion-to-integer";
  const NULL = "null-reference", CAST = "cast-failure", ARRAY = "array-out-of-bounds";
  const UNALIGNED = "unaligned-atomic", UNSHARED = "expected-shared-memory";

  const V8 = {
    engine: "V8",
    texts: [
      [/^unreachable$/, ["unreachable"]],
      [/^memory access out of bounds$|data segment.* out of bounds/, [MEMORY]],
      [/^table index is out of bounds$/, [UNDEFINED, TABLE]],
      [/^table access out of bounds$|element segment.* out of bounds|table initializer.* out of bounds/, [TABLE]],
      [/^(null function or )?function signature mismatch$/, [MISMATCH, NULL_ENTRY]],
      [/^(divide|remainder) by zero$/, [DIVISION]],
      [/^divide result unrepresentable$/, [OVERFLOW]],
      [/^float unrepresentable in integer range$/, [OVERFLOW, CONVERSION]],
      [/^dereferencing a null pointer$|^rethrowing null value$/, [NULL]],
      [/^illegal cast$/, [CAST]],
      [/^array element access out of bounds$/, [ARRAY]],
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
    // `name.wasm-function[7]`; in place of the index stands the function's name if the name section has one, so the
    // engine does not get to see that section.
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
      [/^index out of bounds$/, [MEMORY, UNDEFINED, TABLE]],
      [/^(unaligned|out of bounds) memory access|data segment does not fit/, [MEMORY]],
      [/^table index out of bounds$/, [TABLE, UNDEFINED]],
      [/elem(ent)? segment does not fit/, [TABLE]],
      [/^indirect call to null$/, [NULL_ENTRY]],
      [/^indirect call signature mismatch$/, [MISMATCH]],
      [/^integer divide by zero$/, [DIVISION]],
      [/^integer overflow$/, [OVERFLOW]],
      [/^invalid conversion to integer$/, [CONVERSION]],
    ],
    stackOverflow: /^too much recursion/,
    resource: /out of memory|too many|too much|failed to allocate|maximum|too large/,
    frame(line) {
      const match = /^(.*)@.*:wasm-function\[(\d+)\]:0x([0-9a-f]+)$/.exec(line);
      // An imported function that is called by nobody, as a start function is, is shown as a frame at offset 0.
      if (!match || match[3] === "0") return null;
      const frame = { func: Number(match[2]), offset: parseInt(match[3], 16) };
      if (match[1].startsWith(THUNK + ".")) frame.module = THUNK;
      return frame;
    },
    // An error object keeps this many frames; a backtrace of that length may have lost its end.
    mostFrames: 128,
    tells: ["frames", "offsets", "state"],
  };

  // The engine that runs this, with `version`, `readLine`, `writeLine` and `collect`.
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

  // Lines over the file descriptors, synchronously: a request is served before the next one is read.
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

  // ---------------------------------------------------------------- bits and bytes

  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const VALUE_OF_DIGIT = new Uint8Array(128);
  for (let index = 0; index < 64; index++) VALUE_OF_DIGIT[DIGITS.charCodeAt(index)] = index;

  function fromBase64(text) {
    if (typeof Buffer !== "undefined") return new Uint8Array(Buffer.from(text, "base64"));
    const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
    const bytes = new Uint8Array((text.length / 4) * 3 - padding);
    for (let from = 0, to = 0; from < text.length; from += 4) {
      let bits = 0;
      for (let digit = 0; digit < 4; digit++) bits = (bits << 6) | VALUE_OF_DIGIT[text.charCodeAt(from + digit)];
      bytes[to++] = bits >> 16;
      if (to < bytes.length) bytes[to++] = bits >> 8;
      if (to < bytes.length) bytes[to++] = bits;
    }
    return bytes;
  }

  function toBase64(bytes) {
    if (typeof Buffer !== "undefined") {
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
    }
    let text = "";
    for (let from = 0; from < bytes.length; from += 3) {
      const bits = (bytes[from] << 16) | (bytes[from + 1] << 8) | bytes[from + 2];
      text += DIGITS[bits >> 18] + DIGITS[(bits >> 12) & 63] + DIGITS[(bits >> 6) & 63] + DIGITS[bits & 63];
    }
    const padding = (3 - (bytes.length % 3)) % 3;
    return padding === 0 ? text : text.slice(0, -padding) + "=".repeat(padding);
  }

  const hex32 = (number) => (number >>> 0).toString(16).padStart(8, "0");
  const hex64 = (number) => BigInt.asUintN(64, number).toString(16).padStart(16, "0");

  function utf8(bytes) {
    let escaped = "";
    for (const byte of bytes) escaped += "%" + byte.toString(16).padStart(2, "0");
    return decodeURIComponent(escaped);
  }

  // What stops a request with an answer of its own.
  class Stop extends Error {
    constructor(answer) {
      super("");
      this.answer = answer;
    }
  }
  const failed = (reason, message) => new Stop({ failed: { reason, message } });

  // ---------------------------------------------------------------- reading binaries

  // The value types that host functions have.
  const CODES = {
    i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b, funcref: 0x70, externref: 0x6f, anyref: 0x6e,
  };
  const plain = (name) => ({ name, code: [CODES[name]] });
  // All by their first byte. A reference type has the name of the greatest type of its hierarchy.
  const TYPES = {
    0x73: "funcref", 0x72: "externref", 0x71: "anyref", 0x6d: "anyref", 0x6c: "anyref", 0x6b: "anyref", 0x6a: "anyref",
  };
  for (const [name, code] of Object.entries(CODES)) TYPES[code] = name;

  class Reader {
    constructor(bytes) {
      this.bytes = bytes;
      this.at = 0;
    }

    byte() {
      if (this.at >= this.bytes.length) throw new RangeError("the binary ends too early");
      return this.bytes[this.at++];
    }

    // An unsigned number of at most 53 bits.
    number() {
      let value = 0, scale = 1;
      for (;;) {
        const byte = this.byte();
        value += (byte & 127) * scale;
        if (byte < 128) return value;
        scale *= 128;
      }
    }

    name() {
      const length = this.number();
      this.at += length;
      return utf8(this.bytes.subarray(this.at - length, this.at));
    }

    list(item) {
      const items = [];
      for (let count = this.number(); count > 0; count--) items.push(item(this));
      return items;
    }

    // A value type: its bytes and its name, `other` for types that this adapter has no values of. A type by index may come
    // before what stands at the index: its name is the index, until `exportsOf` says what it is.
    type() {
      const start = this.at;
      const code = this.byte();
      const heap = code === 0x63 || code === 0x64 ? this.heapType() : code - 128;
      const name = heap >= 0 ? heap : TYPES[heap + 128] || "other";
      return { name, code: [...this.bytes.subarray(start, this.at)] };
    }

    // A heap type: a type index, or a negative number for an abstract one.
    heapType() {
      let value = 0, scale = 1;
      for (;;) {
        const byte = this.byte();
        value += (byte & 127) * scale;
        scale *= 128;
        if (byte < 128) return (byte & 64) !== 0 ? value - scale : value;
      }
    }

    storage() {
      const code = this.bytes[this.at];
      if (code === 0x78 || code === 0x77) this.at++;
      else this.type();
      this.byte();
    }

    limits() {
      const flags = this.byte();
      this.number();
      if (flags & 1) this.number();
      if (flags & 8) this.number();
      return flags;
    }

    tableType() {
      const type = this.type();
      return { type, flags: this.limits() };
    }

    globalType() {
      const type = this.type();
      return { type, mutable: this.byte() };
    }

    // Appends a group's types; what is no function is null.
    types(types) {
      let code = this.byte();
      if (code === 0x4e) {
        for (let count = this.number(); count > 0; count--) this.types(types);
        return;
      }
      if (code === 0x50 || code === 0x4f) {
        this.list((reader) => reader.number());
        code = this.byte();
      }
      if (code === 0x60) {
        const params = this.list((reader) => reader.type());
        types.push({ params, results: this.list((reader) => reader.type()), index: types.length });
        return;
      }
      if (code === 0x5f) this.list((reader) => reader.storage());
      else this.storage();
      types.push(null);
    }

    // Skips a constant expression: its instructions have a few immediates each.
    expression() {
      for (;;) {
        const code = this.byte();
        if (code === 0x0b) return;
        if (code === 0x43) this.at += 4;
        else if (code === 0x44) this.at += 8;
        else if (code === 0x41 || code === 0x42 || code === 0x23 || code === 0xd2 || code === 0xd0) this.skipNumber();
        else if (code === 0xfd) {
          this.number();
          this.at += 16;
        } else if (code === 0xfb) {
          const sub = this.number();
          if (sub <= 1 || sub === 6 || sub === 7) this.number();
          else if (sub === 8) this.number(), this.number();
        }
      }
    }

    skipNumber() {
      while (this.byte() >= 128);
    }
  }

  const KINDS = ["func", "table", "memory", "global", "tag"];

  // The types of a module's exports, by name. The module is valid.
  function exportsOf(bytes) {
    const { exports, types, typeSection } = readExports(bytes);
    // Those of a function: the module's types, for its thunks.
    const context = { typeSection, count: types.length, thunks: new Map() };
    for (const type of types) if (type) type.context = context;
    const functions = types.filter((type) => type).flatMap(({ params, results }) => [...params, ...results]);
    for (const type of [...functions, ...[...exports.values()].map(({ type }) => type.type || {})]) {
      if (typeof type.name === "number") type.name = types[type.name] ? "funcref" : "anyref";
    }
    return exports;
  }

  // The sections that are read: types, imports, functions, tables, memories, globals, exports and tags.
  const SECTIONS = [1, 2, 3, 4, 5, 6, 7, 13];

  function readExports(bytes) {
    const reader = new Reader(bytes);
    const types = [];
    const spaces = { func: [], table: [], memory: [], global: [], tag: [] };
    const exports = new Map();
    let typeSection = { groups: 0, bytes: [] };
    for (reader.at = 8; reader.at < bytes.length; ) {
      const section = reader.byte();
      const length = reader.number();
      const end = reader.at + length;
      const count = SECTIONS.includes(section) ? reader.number() : 0;
      if (section === 1) typeSection = { groups: count, bytes: bytes.subarray(reader.at, end) };
      for (let index = 0; index < count; index++) {
        if (section === 1) reader.types(types);
        else if (section === 2) importOf(reader, types, spaces);
        else if (section === 3) spaces.func.push(types[reader.number()]);
        else if (section === 4) tableOf(reader, spaces);
        else if (section === 5) spaces.memory.push({ flags: reader.limits() });
        else if (section === 6) {
          spaces.global.push(reader.globalType());
          reader.expression();
        } else if (section === 13) tagOf(reader, types, spaces);
        else if (section === 7) {
          const name = reader.name();
          const kind = KINDS[reader.byte()];
          exports.set(name, { kind, type: spaces[kind][reader.number()] });
        }
      }
      reader.at = end;
    }
    return { exports, types, typeSection };
  }

  function tableOf(reader, spaces) {
    const initial = reader.bytes[reader.at] === 0x40;
    if (initial) reader.at += 2;
    spaces.table.push(reader.tableType());
    if (initial) reader.expression();
  }

  function importOf(reader, types, spaces) {
    reader.name();
    reader.name();
    const kind = KINDS[reader.byte()];
    if (kind === "func") spaces.func.push(types[reader.number()]);
    else if (kind === "table") spaces.table.push(reader.tableType());
    else if (kind === "memory") spaces.memory.push({ flags: reader.limits() });
    else if (kind === "global") spaces.global.push(reader.globalType());
    else tagOf(reader, types, spaces);
  }

  function tagOf(reader, types, spaces) {
    reader.byte();
    spaces.tag.push(types[reader.number()]);
  }

  // The module without its name sections. Only an engine that shows names in place of indices gets this.
  function stripNames(bytes) {
    try {
      return withoutNames(bytes);
    } catch (error) {
      // Whatever is wrong with the module is the engine's to find.
      return bytes;
    }
  }

  function withoutNames(bytes) {
    const parts = [bytes.subarray(0, 8)];
    const reader = new Reader(bytes);
    for (reader.at = 8; reader.at < bytes.length; ) {
      const start = reader.at;
      const section = reader.byte();
      const length = reader.number();
      const end = reader.at + length;
      if (end > bytes.length) return bytes;
      if (section !== 0 || !isNamed(bytes.subarray(reader.at, end), "name")) parts.push(bytes.subarray(start, end));
      reader.at = end;
    }
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
    return whole;
  }

  function isNamed(section, name) {
    return section[0] === name.length && [...name].every((letter, index) => section[index + 1] === letter.charCodeAt(0));
  }

  // ---------------------------------------------------------------- writing binaries

  const THUNK = "touchstone-thunk";
  const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

  function leb(number) {
    const bytes = [];
    for (; number >= 128; number >>>= 7) bytes.push((number & 127) | 128);
    return bytes.concat(number);
  }

  // A number that is not negative, in the form of those that may be.
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
  // A module's name, by which its frames are known.
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

  // Pushes the locals from `first` on, which have these types, as lowered values.
  function lower(types, first) {
    return [].concat(
      ...types.map((type, index) => {
        const get = [0x20].concat(leb(first + index));
        if (type.name === "v128") return get.concat(0xfd, 0x1d, 0, get, 0xfd, 0x1d, 1);
        return get.concat(way(type).lower);
      }),
    );
  }

  // Pushes values of these types, whose lowered parts are in the locals from `first` on.
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

  // What host functions have in the place of a module's types.
  const NO_MODULE = { typeSection: { groups: 0, bytes: [] }, count: 0, thunks: new Map() };

  // A module of one function. Its types are those of the context, and then `more`; the imports are bytes.
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

  // The function of a module that a context keeps by a key, with these imports.
  function made(context, key, parts, imports) {
    if (!context.thunks.has(key)) context.thunks.set(key, thunkModule(Object.assign({ context }, parts())));
    return new WebAssembly.Instance(context.thunks.get(key), { "": imports }).exports.f;
  }

  // A function of a type for one of the lowered type, or, outward, the other way round.
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

  // A function that catches what `raising` throws, an exception of this tag, and returns what it carries.
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

  // JavaScript does not tell a structure from an array; a cast does.
  function isStruct(object) {
    const parts = () => ({
      more: [{ params: [plain("anyref")], results: [plain("i32")] }],
      imports: [],
      type: 0,
      code: [0x20, 0, 0xfb, 0x14, 0x6b],
    });
    return made(NO_MODULE, "struct", parts, [])(object) === 1;
  }

  // ---------------------------------------------------------------- what the engine has

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
      memory64: [memory([4, 0])],
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

  // ---------------------------------------------------------------- values

  // The functions and host values of a store, by number.
  class References {
    constructor() {
      this.numbers = new Map();
      this.functions = [];
      this.externs = new Map();
    }

    functionNumber(func) {
      if (!this.numbers.has(func)) this.numbers.set(func, this.functions.push(func) - 1);
      return this.numbers.get(func);
    }

    extern(number) {
      if (!this.externs.has(number)) this.externs.set(number, { extern: number });
      return this.externs.get(number);
    }
  }

  // A value of the protocol as JavaScript values of the lowered types, appended to `values`.
  function lowerValue(store, type, bits, values) {
    const [name] = Object.keys(bits);
    if (isForeign(type)) throw failed("unsupported", "the adapter has no words for a parameter's type");
    const references = {
      funcref: ["func", "null"],
      externref: ["extern", "null"],
      anyref: ["host", "i31", "null"],
    };
    const expected = references[type.name] || [type.name];
    if (!expected.includes(name)) throw failed("usage", `an argument of the type ${type.name} is given as ${name}`);
    const digits = bits[name];
    if (name === "i32" || name === "f32") values.push(parseInt(digits, 16) | 0);
    else if (name === "i64" || name === "f64") values.push(BigInt.asIntN(64, BigInt("0x" + digits)));
    else if (name === "v128") {
      const half = (text) => BigInt.asIntN(64, BigInt("0x" + text));
      values.push(half(digits.slice(16)), half(digits.slice(0, 16)));
    } else if (name === "null") values.push(null);
    else if (name === "extern" || name === "host") values.push(store.references.extern(digits));
    else if (name === "i31") values.push((digits << 1) >> 1);
    else {
      const func = store.references.functions[digits];
      if (!func) throw failed("usage", `there is no function ${digits}`);
      values.push(func);
    }
  }

  function lowerValues(store, types, list) {
    if (types.length !== list.length) throw failed("usage", `${types.length} values are needed, not ${list.length}`);
    const values = [];
    types.forEach((type, index) => lowerValue(store, type, list[index], values));
    return values;
  }

  // The protocol's values from JavaScript values of the lowered types.
  function raiseValues(store, types, values) {
    let next = 0;
    return types.map((type) => {
      const value = values[next++];
      switch (type.name) {
        case "i32":
        case "f32":
          return { [type.name]: hex32(value) };
        case "i64":
        case "f64":
          return { [type.name]: hex64(value) };
        case "v128":
          return { v128: hex64(values[next++]) + hex64(value) };
        default:
          return reference(store, type, value);
      }
    });
  }

  const NULLS = { funcref: "func", externref: "extern", anyref: "any" };

  function reference(store, { name }, value) {
    if (!(name in NULLS)) throw failed("unsupported", "the adapter has no words for a reference of this type");
    if (value === null) return { null: NULLS[name] };
    if (name === "funcref") return { func: store.references.functionNumber(value) };
    const isHost = typeof value === "object" && store.references.externs.get(value.extern) === value;
    if (name === "externref") return isHost ? { extern: value.extern } : { object: "extern" };
    if (isHost) return { host: value.extern };
    if (typeof value === "number") return { i31: value & 0x7fffffff };
    return { object: isStruct(value) ? "struct" : "array" };
  }

  // The results of a call, which JavaScript gives as nothing, a value or a list.
  function resultList(types, result) {
    const count = lowered(types).length;
    return count === 0 ? [] : count === 1 ? [result] : [...result];
  }

  // ---------------------------------------------------------------- errors

  const engine = platform();
  const LONGEST_TRACE = 1000000;
  // So many lines are left for the frames of host calls in this request. A host function in a deep recursion would
  // otherwise write down the whole stack at each level.
  const HOST_LINES = 1 << 17;
  let hostLines = HOST_LINES;
  Error.stackTraceLimit = LONGEST_TRACE;
  if (engine.withoutNames) {
    Error.prepareStackTrace = (_, sites) => sites.map((site) => site.getFunctionName() || "").join("\n");
  }

  // The frames of an error; nothing where the engine may have cut them.
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

  // The frames of a host call; nothing where the lines may not suffice, and for the calls after that.
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
      // Older engines say of a segment that does not fit that the module does not link.
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

  // ---------------------------------------------------------------- requests

  let store = null;
  let calls = [];
  // The answer that a host function wants, once it has stopped WebAssembly by a trap.
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

  // The number of a table's or memory's index, whose type JavaScript shows.
  const indexOf = (flags, index) => (flags & 4 ? BigInt(index) : index);

  function readGlobal({ value, type }) {
    if (isHidden(type.type)) {
      const result = globalReader(type, value)();
      return raiseValues(store, [type.type], resultList([type.type], result))[0];
    }
    return raiseValues(store, [type.type], [value.value])[0];
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
      // Minus zero and NaN are no zeros: `Object.is` tells all bits apart that matter here.
      if (nonzero.some((value) => !Object.is(value, 0))) stretches.push([start / STRETCH, toBase64(bytes)]);
    }
    return { length: buffer.byteLength, stretches };
  }

  function tableState({ value: table, type }) {
    const length = Number(table.length);
    const elements = [];
    for (let index = 0; index < Math.min(length, 1 << 16); index++) {
      const element = table.get(indexOf(type.flags, index));
      if (element !== null) elements.push([index, reference(store, type.type, element)]);
    }
    return { length, elements };
  }

  // Stops WebAssembly. It could catch what JavaScript throws, so it is a trap that stops it.
  function stop(reason, message) {
    if (!stopped.trap) stopped.trap = trapping();
    stopped.answer = { failed: { reason, message } };
    stopped.trap();
  }

  function trapping() {
    const parts = () => ({ more: [{ params: [], results: [] }], imports: [], type: 0, code: [0] });
    return made(NO_MODULE, "trap", parts, []);
  }

  function hostFunction({ module, name, behaviour, ...names }) {
    const [params, results] = [names.params.map(plain), names.results.map(plain)];
    const returned = behaviour.return && lowerValues(store, results, behaviour.return);
    const host = (...values) => {
      const call = { module, name, arguments: raiseValues(store, params, values) };
      const frames = hostFrames();
      if (frames) call.frames = frames;
      calls.push(call);
      if (returned) return returned.length <= 1 ? returned[0] : returned;
      if (behaviour.fail !== undefined) stop("host", behaviour.fail);
      if (behaviour.panic !== undefined) stop("panic", behaviour.panic);
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
})();
