// Bytes as text, and the types of the exports in the binary of a module.

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

// Stops a request with an answer of its own.
class Stop extends Error {
  constructor(answer) {
    super("");
    this.answer = answer;
  }
}
const failed = (reason, message) => new Stop({ failed: { reason, message } });

// The value types of host functions.
const CODES = {
  i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b, funcref: 0x70, externref: 0x6f, anyref: 0x6e,
};
const plain = (name) => ({ name, code: [CODES[name]] });
// All value types by their first byte. A reference type has the name of the top of its hierarchy.
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

  // A value type: its bytes and its name, which is `other` if the adapter has no values of it. The name of a type by
  // index is the index until `exportsOf` replaces it: the type may be defined later in the module.
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

  // Appends a group's types. A type that is not a function type is null.
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
  // The module's types, which the thunks of its functions name.
  const context = { typeSection, count: types.length, thunks: new Map() };
  for (const type of types) if (type) type.context = context;
  const functions = types.filter((type) => type).flatMap(({ params, results }) => [...params, ...results]);
  for (const type of [...functions, ...[...exports.values()].map(({ type }) => type.type || {})]) {
    if (typeof type.name === "number") type.name = types[type.name] ? "funcref" : "anyref";
  }
  return exports;
}

// Readers of sections: types, imports, functions, tables, memories, globals, exports and tags.
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

// The module without its name sections, for an engine that shows names in place of indices.
function stripNames(bytes) {
  try {
    return withoutNames(bytes);
  } catch (error) {
    // The engine says what is wrong with the module.
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
