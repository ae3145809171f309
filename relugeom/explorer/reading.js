/* Files of models, read in the page: .npz, .npy, .safetensors and JSON, by the names and rules of
 * relugeom.autoencoder.files. Nothing in a file is run, and every size is checked before it is taken.
 */
"use strict";

const Reading = (() => {
  const MOST = { bytes: 64e6, members: 20000, header: 10000, characters: 16e6, name: 200, visits: 1e6, deep: 30,
    models: 1000, magnitude: 1e100 };
  const ENCODERS = {
    "W": { decoders: ["decoder", "M", "W_dec"], biases: ["b", "b_final", "b_dec", "bias"], inner: ["b_enc"] },
    "w": { decoders: ["W_dec"], biases: ["b", "b_final", "b_dec", "bias"], inner: ["b_enc"] },
    "W_enc": { decoders: ["W_dec"], biases: ["b_dec", "b", "b_final"], inner: ["b_enc"] },
    "embedding.weight": { decoders: ["unembedding.weight"], biases: ["unembedding.bias", "b", "bias"],
      inner: ["embedding.bias"], layers: true },
    "linear1.weight": { decoders: ["linear2.weight"], biases: ["linear2.bias", "b", "bias"],
      inner: ["linear1.bias"], layers: true },
    "encoder.weight": { decoders: ["decoder.weight"], biases: ["decoder.bias", "b", "bias"],
      inner: ["encoder.bias"], layers: true },
  };

  /* What is wrong with a file, in one line */
  class Refusal extends Error {}
  /* What a file does not tell: which axis of W counts the features */
  class Question extends Refusal {}

  const LONE = /[\ud800-\udfff]/u;  // half of a character, which no file of text can hold

  const short = (value, most = 60) => {
    const text = String(value).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, "?");
    return text.length > most ? text.slice(0, most) + "..." : text;
  };
  const shaped = (shape) => `(${shape.join(", ")})`;
  const product = (shape) => shape.reduce((x, y) => x * y, 1);

  /* An array of a file: its shape, and its numbers in C order once they are fetched */
  const array = (shape, fetch) => ({ isArray: true, shape, fetch });

  function checkedShape(name, shape) {
    if (shape.length > 32 || shape.some((count) => !Number.isSafeInteger(count) || count < 0)) {
      throw new Refusal(`${short(name)} has no shape: ${short(shaped(shape))}`);
    }
    return shape;
  }

  const half = (bits) => {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
  };
  const KINDS = {
    f2: (v, at, little) => half(v.getUint16(at, little)), f4: (v, at, little) => v.getFloat32(at, little),
    f8: (v, at, little) => v.getFloat64(at, little), i1: (v, at) => v.getInt8(at), u1: (v, at) => v.getUint8(at),
    i2: (v, at, little) => v.getInt16(at, little), u2: (v, at, little) => v.getUint16(at, little),
    i4: (v, at, little) => v.getInt32(at, little), u4: (v, at, little) => v.getUint32(at, little),
    i8: (v, at, little) => Number(v.getBigInt64(at, little)), u8: (v, at, little) => Number(v.getBigUint64(at, little)),
  };
  const view = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

  function numbers(name, bytes, kind, size, little, shape) {
    const count = product(shape), data = view(bytes);
    if (count * size !== bytes.length) throw new Refusal(`${short(name)} does not hold the shape it claims, ${shaped(shape)}`);
    return Float64Array.from({ length: count }, (_, k) => KINDS[kind](data, k * size, little));
  }

  /* The array in the bytes of an .npy file: magic, version, length of the header, header, numbers */
  function npy(name, bytes) {
    if (bytes.length < 12 || String.fromCharCode(...bytes.slice(1, 6)) !== "NUMPY") throw new Refusal(`${short(name)} is no array of NumPy`);
    const wide = bytes[6] === 1 ? 2 : 4, length = wide === 2 ? view(bytes).getUint16(8, true) : view(bytes).getUint32(8, true);
    if (length > MOST.header) throw new Refusal(`${short(name)}: a header of ${length} bytes; at most ${MOST.header} are read`);
    const begin = 8 + wide + length, header = new TextDecoder("latin1").decode(bytes.slice(8 + wide, begin));
    const type = /'descr': *'([<>|=])([a-zA-Z])(\d+)'/.exec(header), fortran = /'fortran_order': *(True|False)/.exec(header);
    const axes = /'shape': *\(([\d, L]*)\)/.exec(header);
    if (!type || !fortran || !axes) throw new Refusal(`${short(name)} must hold real numbers in a header that NumPy writes`);
    const kind = type[2] + type[3];
    if (!(kind in KINDS)) throw new Refusal(`${short(name)} must hold real numbers of up to 64 bits; got ${short(type[0])}`);
    const shape = checkedShape(name, axes[1].split(",").map((part) => part.trim()).filter(Boolean).map((part) => parseInt(part, 10)));
    const flat = numbers(name, bytes.subarray(begin), kind, +type[3], type[1] !== ">", shape);
    if (fortran[1] === "False" || shape.length < 2) return { shape, flat };
    const steps = shape.map((_, axis) => product(shape.slice(0, axis)));  // of the first index, which runs fastest
    const turned = flat.map((_, k) => {
      let rest = k, from = 0;
      for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
        from += (rest % shape[axis]) * steps[axis];
        rest = Math.floor(rest / shape[axis]);
      }
      return flat[from];
    });
    return { shape, flat: turned };
  }

  const CRC = Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k += 1) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    return c;
  });
  function crc32(bytes) {
    let c = -1;
    for (let k = 0; k < bytes.length; k += 1) c = CRC[(c ^ bytes[k]) & 255] ^ (c >>> 8);
    return ~c >>> 0;
  }

  /* The bytes of a deflated member, which must be `size`: no more are ever kept */
  async function inflated(name, bytes, size) {
    if (typeof DecompressionStream === "undefined") throw new Refusal("this browser cannot inflate; write the file with numpy.savez");
    const stream = new DecompressionStream("deflate-raw"), writer = stream.writable.getWriter();
    const ignore = () => undefined;  // what goes wrong in writing is told by reading
    writer.write(bytes).catch(ignore); writer.close().catch(ignore); writer.closed.catch(ignore);
    const reader = stream.readable.getReader(), whole = new Uint8Array(size);
    let have = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (have + value.length > size) { reader.cancel().catch(ignore); throw new Refusal(`${short(name)} is longer than it claims`); }
      whole.set(value, have);
      have += value.length;
    }
    if (have !== size) throw new Refusal(`${short(name)} is shorter than it claims`);
    return whole;
  }

  /* The members of a zip by name, as functions that read them */
  function members(bytes) {
    const data = view(bytes), found = new Map();
    let end = bytes.length - 22;
    while (end >= 0 && end > bytes.length - 65558 && data.getUint32(end, true) !== 0x06054b50) end -= 1;
    if (end < 0 || data.getUint32(end, true) !== 0x06054b50) throw new Refusal("a zip without a directory");
    const count = data.getUint16(end + 10, true);
    let at = data.getUint32(end + 16, true);
    if (count === 0xffff || at === 0xffffffff || count > MOST.members) throw new Refusal(`a zip of more than ${MOST.members} members`);
    for (let k = 0; k < count; k += 1) {
      if (at + 46 > bytes.length || data.getUint32(at, true) !== 0x02014b50) throw new Refusal("a zip with a damaged directory");
      const [flags, method] = [data.getUint16(at + 8, true), data.getUint16(at + 10, true)];
      const [crc, packed, size] = [16, 20, 24].map((from) => data.getUint32(at + from, true));
      const [nameLength, extra, comment] = [28, 30, 32].map((from) => data.getUint16(at + from, true));
      const place = data.getUint32(at + 42, true), name = new TextDecoder().decode(bytes.slice(at + 46, at + 46 + nameLength));
      if (found.has(name)) throw new Refusal("two members of the zip share one name");
      found.set(name, async () => {
        if (flags & 1) throw new Refusal(`${short(name)} is encrypted`);
        if (size > MOST.bytes) throw new Refusal(`${short(name)} has ${size} bytes; at most ${MOST.bytes} are read`);
        if (place + 30 > bytes.length || data.getUint32(place, true) !== 0x04034b50) throw new Refusal(`${short(name)} is not where the zip says`);
        const begin = place + 30 + data.getUint16(place + 26, true) + data.getUint16(place + 28, true);
        const content = bytes.subarray(begin, begin + packed);
        if (content.length !== packed) throw new Refusal(`${short(name)} is cut short`);
        if (method !== 0 && method !== 8) throw new Refusal(`${short(name)} is packed by method ${method}; read are stored and deflated`);
        const whole = method === 8 ? await inflated(name, content, size) : content;
        if (whole.length !== size || crc32(whole) !== crc) throw new Refusal(`${short(name)} is damaged: its checksum is another`);
        return whole;
      });
      at += 46 + nameLength + extra + comment;
    }
    return found;
  }

  function npz(bytes) {
    const inside = members(bytes);
    if ([...inside.keys()].some((name) => name.endsWith("data.pkl"))) throw new Refusal("a file of PyTorch, which `relugeom explorer --model FILE` opens, and this page does not");
    const tree = new Map();
    inside.forEach((open, name) => {
      if (!name.endsWith(".npy")) return;
      tree.set(name.slice(0, -4), array(null, async () => npy(name, await open())));
    });
    return { tree, ours: inside.has("header.json") };
  }

  /* safetensors: the length of a JSON header, the header, the bytes of the tensors */
  function safetensors(bytes) {
    const length = Number(view(bytes).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.slice(8, 8 + length)));
    const tree = new Map();
    Object.entries(header).slice(0, MOST.members).forEach(([name, entry]) => {
      if (name === "__metadata__" || entry === null || typeof entry !== "object") return;
      tree.set(name, array(null, async () => {
        const type = /^([FIU])(8|16|32|64)$/.exec(entry.dtype), from = entry.data_offsets;
        const shape = checkedShape(name, Array.isArray(entry.shape) ? entry.shape : [-1]);
        if (!Array.isArray(from) || from.length !== 2) throw new Refusal(`${short(name)} has no place in the file`);
        const content = bytes.subarray(8 + length + checkedShape(name, from)[0], 8 + length + from[1]);
        if (entry.dtype === "BF16") {
          const upper = numbers(name, content, "u2", 2, true, shape), word = new DataView(new ArrayBuffer(4));
          return { shape, flat: upper.map((bits) => { word.setUint32(0, bits * 65536); return word.getFloat32(0); }) };
        }
        const kind = type ? type[1].toLowerCase() + type[2] / 8 : "";
        if (!(kind in KINDS)) throw new Refusal(`${short(name)} must hold real numbers; got ${short(entry.dtype)}`);
        return { shape, flat: numbers(name, content, kind, type[2] / 8, true, shape) };
      }));
    });
    return tree;
  }

  /* JSON without a format: its objects as maps, with an array for each list of numbers, and of lists of numbers */
  function tree(value, depth = 0) {
    if (depth > MOST.deep) throw new Refusal(`parts nested deeper than ${MOST.deep}`);
    if (Array.isArray(value)) {
      const shape = [];
      for (let inner = value; Array.isArray(inner); inner = inner[0]) {
        shape.push(inner.length);
        if (shape.length > MOST.deep) throw new Refusal(`parts nested deeper than ${MOST.deep}`);
      }
      const flat = value.flat(shape.length);
      const fits = (part, axis) => (axis === shape.length ? typeof part === "number"
        : Array.isArray(part) && part.length === shape[axis] && part.every((inner) => fits(inner, axis + 1)));
      if (flat.length && fits(value, 0)) return array(shape, async () => ({ shape, flat: Float64Array.from(flat) }));
      return value.map((inner) => tree(inner, depth + 1));
    }
    if (value === null || typeof value !== "object") return value;
    return new Map(Object.entries(value).map(([key, inner]) => [key, tree(inner, depth + 1)]));
  }

  /* The model of a relugeom-model/1 */
  function formatted(data) {
    if (data.format !== Relugeom.FORMAT) throw new Refusal(`format must be "${Relugeom.FORMAT}"; got ${short(JSON.stringify(data.format))}`);
    const unknown = Object.keys(data).find((key) => !["format", "name", "W", "b"].includes(key));
    if (unknown !== undefined) throw new Refusal(`unknown field ${short(unknown)}; expected name, W and b`);
    const name = data.name === undefined ? "" : data.name;
    if (typeof name !== "string" || name.length > MOST.name || LONE.test(name)) throw new Refusal(`name must be a text of at most ${MOST.name} characters`);
    if (!Array.isArray(data.W) || !data.W.length || !Array.isArray(data.W[0]) || !data.W[0].length) throw new Refusal("W must be a list of rows of numbers");
    const row = (where, values, n) => {
      if (!Array.isArray(values) || values.length !== n) throw new Refusal(`${where} must be a list of ${n} numbers`);
      values.forEach((value, k) => {
        if (typeof value !== "number" || !Number.isFinite(value)) throw new Refusal(`${where}[${k}] must be a finite number`);
      });
      return values.slice();
    };
    const n = data.W[0].length, W = data.W.map((values, k) => row(`W[${k}]`, values, n));
    return checkedModel({ name, W, b: data.b === undefined || data.b === null ? Array(n).fill(0) : row("b", data.b, n) });
  }

  function checkedModel(model) {
    const all = [...model.W, model.b];
    if (!all.every((row) => row.every((x) => Math.abs(x) <= MOST.magnitude))) {
      throw new Refusal(`${short(model.name || "the model")} holds numbers that are not finite, or greater than ${MOST.magnitude}`);
    }
    return { ...model, name: model.name.replace(new RegExp(LONE, "gu"), "?") };
  }

  const encodersOf = (arrays) => {
    const found = new Map();
    Object.keys(ENCODERS).forEach((name) => [...arrays.keys()].forEach((key) => {
      const prefix = key.slice(0, key.length - name.length);
      if (key.endsWith(name) && (!prefix || prefix.endsWith(".")) && !found.has(prefix)) found.set(prefix, name);
    }));
    return found;
  };

  /* Every innermost map that holds an encoder, with the path to it */
  function groups(root) {
    const found = [], stack = [["", root, 0]];
    for (let visits = 0; stack.length; visits += 1) {
      const [path, node, depth] = stack.pop();
      if (visits > MOST.visits || depth > MOST.deep) throw new Refusal("too many parts, or parts nested too deep");
      const children = node instanceof Map ? [...node] : Array.isArray(node) ? [...node.entries()] : [];
      if (node instanceof Map) {
        const arrays = new Map(children.filter(([, part]) => part && part.isArray));
        if (encodersOf(arrays).size) { found.push([path, arrays]); continue; }
      }
      children.reverse().forEach(([key, part]) => {
        if (part instanceof Map || Array.isArray(part)) stack.push([path ? `${path}.${key}` : String(key), part, depth + 1]);
      });
    }
    return found;
  }

  const listed = (node) => {
    const names = node instanceof Map ? [...node].filter(([, part]) => part && part.isArray).map(([name]) => short(name, 40)) : [];
    return names.length ? names.slice(0, 8).join(", ") + (names.length > 8 ? ", ..." : "") : "no arrays";
  };

  /* b as (n,) or (instances, n): axes of length 1 that were only for broadcasting are left out */
  function bias(name, { shape, flat }, axes) {
    const leading = axes.slice(0, -2);
    let left = shape.slice();
    if (left.length >= 2 && left.at(-1) === 1 && axes.slice(-2).includes(left.at(-2))) left = left.slice(0, -1);
    else if (left.length === leading.length + 2 && left.at(-2) === 1) left = [...left.slice(0, -2), left.at(-1)];
    if (left.length === 2 && left[0] === 1 && (leading.length === 0 || leading[0] !== 1)) left = left.slice(1);
    const fits = left.length === 1 || (left.length === 2 && leading.length === 1 && left[0] === leading[0]);
    if (!fits) throw new Refusal(`${short(name)} must have shape (n,) or (instances, n) beside ${shaped(axes)}; got ${shaped(shape)}`);
    return { shape: left, flat };
  }

  /* The models of the encoders in a tree, by the rules of relugeom.autoencoder.files.naming */
  async function modelsFrom(root, name, transpose, ours) {
    const models = [], notes = [];
    const note = (text) => { if (!notes.includes(text)) notes.push(text); };
    for (const [path, arrays] of groups(root)) {
      const used = new Set();
      const fetched = async (prefix, names) => {
        const key = names.map((part) => prefix + part).find((part) => arrays.has(part));
        if (key === undefined) return null;
        used.add(key);
        return { key, ...await arrays.get(key).fetch() };
      };
      for (const [prefix, encoder] of encodersOf(arrays)) {
        const names = ENCODERS[encoder], W = await fetched(prefix, [encoder]);
        const given = await fetched(prefix, names.biases), R = await fetched(prefix, names.decoders), c = await fetched(prefix, names.inner);
        if (![2, 3].includes(W.shape.length) || W.shape.includes(0)) throw new Refusal(`${short(W.key)} must have shape (m, n), (n, m) or (instances, ., .); got ${shaped(W.shape)}`);
        const b = given && { key: given.key, ...bias(given.key, given, W.shape) };
        const [rows, columns] = W.shape.slice(-2), length = b && b.shape.at(-1);
        let turned = transpose === null ? null : transpose;
        if (turned === null && b && rows !== columns) {
          if (length !== rows && length !== columns) throw new Refusal(`${short(b.key)} has ${length} entries, which is the length of no axis of ${short(W.key)} ${shaped(W.shape)}`);
          turned = length === rows;
          if (turned) note(`${short(W.key)} ${shaped(W.shape)} lies as (features, latent), by the length of ${short(b.key)}`);
        } else if (turned === null && (names.layers || ours)) {
          turned = false;
        } else if (turned === null && rows < columns) {
          turned = false;
          note(`${short(W.key)} ${shaped(W.shape)}, without a bias, is read as m = ${rows}, n = ${columns}`);
        }
        if (turned === null) throw new Question(`${short(W.key)} has shape ${shaped(W.shape)}, and nothing in the file tells which axis counts the features`);
        const m = turned ? columns : rows, n = turned ? rows : columns, instances = W.shape.length === 3 ? W.shape[0] : 1;
        if (b && length !== n) throw new Refusal(`${short(b.key)} has ${length} entries and ${short(W.key)} ${n} features; these do not fit`);
        if (models.length + instances > MOST.models) throw new Refusal(`more than ${MOST.models} models in one file`);
        const entry = (which, k, i) => W.flat[which * m * n + (turned ? i * m + k : k * n + i)];
        if (R) checkTied(R, W.key, { m, n, instances, turned, entry }, note);
        const shift = c && c.flat.some((x) => x !== 0) ? c : null;
        if (shift && (m > n || shift.flat.length !== (shift.shape.length === 1 ? m : instances * m))) throw new Refusal(`${short(shift.key)} is not zero, and no bias of a latent space with m = ${m}`);
        if (shift) note(`${short(shift.key)} is taken into the bias, Wᵀ(Wx + c) + b = WᵀWx + (Wᵀc + b); a hidden ReLU would be lost`);
        const label = [name, path, prefix.replace(/\.+$/, "")].filter(Boolean).join(" ");
        for (let which = 0; which < instances; which += 1) {
          const matrix = Array.from({ length: m }, (_, k) => Array.from({ length: n }, (_v, i) => entry(which, k, i)));
          const own = Array.from({ length: n }, (_, i) => {
            const base = b ? b.flat[(b.shape.length === 2 ? which * n : 0) + i] : 0;
            return shift ? base + matrix.reduce((sum, row, k) => sum + row[i] * shift.flat[(shift.shape.length === 1 ? 0 : which * m) + k], 0) : base;
          });
          models.push(checkedModel({ name: (W.shape.length === 3 ? `${label} [${which}]` : label).slice(0, MOST.name), W: matrix, b: own }));
        }
      }
      const rest = [...arrays.keys()].filter((key) => !used.has(key));
      if (rest.length && !ours) note(`ignored: ${rest.slice(0, 8).map((key) => short(key, 40)).join(", ")}${rest.length > 8 ? ", ..." : ""}`);
    }
    if (!models.length) throw new Refusal(`no model: expected arrays W and b, or ${Object.keys(ENCODERS).slice(1).join(", ")} with their biases; got ${listed(root)}`);
    return { models, notes };
  }

  /* Refuse a decoder that is not Wᵀ */
  function checkTied(R, key, { m, n, instances, turned, entry }, note) {
    const [rows, columns] = R.shape.slice(-2), flipped = rows !== n || columns !== m || (m === n && turned);
    const at = (which, i, k) => R.flat[which * m * n + (flipped ? k * n + i : i * m + k)];
    const same = R.flat.length === instances * m * n && (flipped ? rows === m && columns === n : true)
      && Array.from({ length: instances }, (_, which) => which).every((which) => {
        for (let k = 0; k < m; k += 1) for (let i = 0; i < n; i += 1) if (at(which, i, k) !== entry(which, k, i)) return false;
        return true;
      });
    if (!same) throw new Refusal(`${short(R.key)} is not ${short(key)} transposed: this page shows tied models`);
    note(`${short(R.key)} is ${short(key)} transposed: a tied model`);
  }

  /* The models in the bytes of a file, with notes; `transpose` says that W lies as (n, m), where the file cannot tell */
  async function read(bytes, name, transpose = null) {
    try {
      return await content(bytes, name, transpose);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      throw new Refusal(`damaged, or no file of a model (${short(error && error.message, 80)})`);
    }
  }

  async function content(bytes, name, transpose) {
    if (bytes.length > MOST.bytes) throw new Refusal(`${bytes.length} bytes; at most ${MOST.bytes} are read`);
    const head = String.fromCharCode(...bytes.slice(0, 16));
    if (head.startsWith("PK\u0003\u0004")) {
      const { tree: found, ours } = npz(bytes);
      return modelsFrom(found, name, transpose, ours);
    }
    if (head.startsWith("\u0093NUMPY")) return modelsFrom(new Map([["W", array(null, async () => npy("the array", bytes))]]), name, transpose, false);
    if (bytes.length > 9 && bytes[8] === 123 && view(bytes).getBigUint64(0, true) <= BigInt(bytes.length - 8)) {
      return modelsFrom(safetensors(bytes), name, transpose, false);
    }
    if (head.startsWith("\u0080")) throw new Refusal("a pickle, which is a program and is not run; save W and b with numpy.savez");
    if (bytes.length > MOST.characters) throw new Refusal(`a model as text may have ${MOST.characters} bytes`);
    return parsed(new TextDecoder("utf-8", { fatal: true }).decode(bytes), name, transpose);
  }

  async function parsed(text, name, transpose) {
    let data;
    if (!"{[".includes(text.trimStart()[0] || " ")) throw new Refusal("no file of a model; read here are .npz, .npy, .safetensors and JSON");
    try { data = JSON.parse(text); } catch (error) { throw new Refusal(`not JSON: ${short(error.message, 80)}`); }
    if (data && typeof data === "object" && !Array.isArray(data) && "format" in data) {
      const model = formatted(data);
      return { models: [{ ...model, name: model.name || name }], notes: [] };
    }
    return modelsFrom(tree(data), name, transpose, false);
  }

  return { Question, Refusal, read };
})();
