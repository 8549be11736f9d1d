// An adapter of Touchstone's executable protocol (lanes/src/adapter/protocol.rs) for engines that JavaScript embeds:
// V8 (node), JavaScriptCore (bun) and SpiderMonkey (its shell, js), without any dependency:
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
//
// The parts share one scope, in this order; lanes/src/adapter/javascript.rs has the same list.
"use strict";

const PARTS = ["engines", "binaries", "thunks", "values", "requests"];

function read(part) {
  const path = `javascript/${part}.js`;
  return typeof require === "function"
    ? require("fs").readFileSync(`${__dirname}/${path}`, "utf8")
    : os.file.readRelativeToScript(path);
}

eval(PARTS.map(read).join("\n"));
