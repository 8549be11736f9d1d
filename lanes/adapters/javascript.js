// An adapter of Touchstone's executable protocol (docs/adapters.md) for engines that JavaScript embeds: V8 (node),
// JavaScriptCore (bun) and SpiderMonkey (its shell, js). It needs nothing but the engine:
//
//     node lanes/adapters/javascript.js
//     bun lanes/adapters/javascript.js
//     js102 lanes/adapters/javascript.js
//
// JavaScript hides things. Its numbers do not keep the bits of a NaN, `v128` cannot cross the boundary, and a
// JavaScript function can be imported with any type. So only integers and references cross. Small modules that are made
// here, the thunks, stand between: they turn floats into integers of the same bits, and vectors into two `i64`. Host
// functions are thunks too, and have exactly one type. Frames of thunks are left out of backtraces. The adapter reads
// the sections of each module before the code to learn the types of exports. A thunk for a function of a module begins
// with the types of that module, so that it can name them.
//
// JavaScript cannot tell a malformed module from an invalid one (both are a CompileError: `rejected`), the contents of
// a struct or an array (thunks tell which of the two it is), the frames of an exception, or fuel. It shows tag and
// payload of an exception if some instance exports the tag. The table of each engine's texts shows what the engine
// cannot tell.
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
