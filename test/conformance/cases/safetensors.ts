/** Headers as text and the bytes of data behind them. Keys that come twice cannot be said with JSON.stringify. */
export type SafetensorsCase = [title: string, json: string, dataBytes: number]

export const SAFETENSORS_VALID: SafetensorsCase[] = [
  ['no tensors', '{}', 0],
  ['padding behind', '{}      ', 0],
  [
    'tensors in another order than their data, a scalar, one without values, metadata with escapes',
    '{"__metadata__":{"format":"pt","note":"a \\"quoted\\" line"},"b":{"dtype":"F16","shape":[2,3],"data_offsets":[8,20]},"a":{"data_offsets":[0,8],"dtype":"I64","shape":[]},"none":{"dtype":"F32","shape":[0,7],"data_offsets":[8,8]}}',
    20,
  ],
  ['white space between tokens', '{ "a" : { "dtype" : "U8" , "shape" : [ 4 ] , "data_offsets" : [ 0 , 4 ] } }\n', 4],
  ['two values in one byte', '{"a":{"dtype":"F4","shape":[2,4],"data_offsets":[0,4]}}', 4],
  ['a name beyond ASCII', '{"caf\u00e9":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}', 2],
]

const a = '"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}'

export const SAFETENSORS_INVALID: [...SafetensorsCase, reason: string][] = [
  ['no JSON', 'x', 0, 'json'],
  ['a list', '[]', 0, 'json'],
  ['white space in front', ' {}', 0, 'json'],
  ['a byte order mark in front', '\uFEFF{}', 0, 'json'],
  ['something behind', '{}x', 0, 'json'],
  ['a comma at the end', `{${a},}`, 4, 'json'],
  ['a tensor that is a list', '{"a":[]}', 0, 'json'],
  ['a field too few', '{"a":{"dtype":"U8","shape":[4]}}', 4, 'json'],
  ['a field too many', '{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1}}', 4, 'json'],
  ['a negative number', '{"a":{"dtype":"U8","shape":[4],"data_offsets":[-4,0]}}', 4, 'json'],
  ['a fraction', '{"a":{"dtype":"U8","shape":[4.0],"data_offsets":[0,4]}}', 4, 'json'],
  ['an exponent', '{"a":{"dtype":"U8","shape":[4e0],"data_offsets":[0,4]}}', 4, 'json'],
  ['a leading zero', '{"a":{"dtype":"U8","shape":[04],"data_offsets":[0,4]}}', 4, 'json'],
  ['a number above 2^53', '{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,9007199254740993]}}', 4, 'json'],
  ['a name twice', `{${a},${a}}`, 4, 'duplicate'],
  ['a field twice', '{"a":{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}}', 4, 'duplicate'],
  ['metadata twice', `{"__metadata__":{},${a},"__metadata__":{}}`, 4, 'duplicate'],
  ['a key of the metadata twice', `{"__metadata__":{"k":"1","k":"2"},${a}}`, 4, 'duplicate'],
  [
    'a name with an escape, which could hide a second one',
    `{${a},"\\u0061":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}}`,
    4,
    'name',
  ],
  ['an empty name', '{"":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}', 4, 'name'],
  ['a name that is too long', `{"${'n'.repeat(513)}":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 4, 'name'],
  ['metadata that is no text', '{"__metadata__":{"k":1}}', 0, 'json'],
  ['a wrong escape in metadata', '{"__metadata__":{"k":"\\x"}}', 0, 'json'],
  ['half an escape in metadata', '{"__metadata__":{"k":"\\u00', 0, 'json'],
  ['an unknown type', '{"a":{"dtype":"U7","shape":[4],"data_offsets":[0,4]}}', 4, 'dtype'],
  ['nine dimensions', '{"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}}', 1, 'shape'],
  [
    'a shape whose product overflows',
    '{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}',
    0,
    'shape',
  ],
  ['half a byte', '{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}', 2, 'shape'],
  ['three offsets', '{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4,4]}}', 4, 'offsets'],
  ['an end before its start', '{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}', 4, 'offsets'],
  ['an end beyond the file', `{${a}}`, 3, 'offsets'],
  ['another size than its shape', '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', 4, 'mismatch'],
  ['a hole at the start', '{"a":{"dtype":"U8","shape":[4],"data_offsets":[1,5]}}', 5, 'hole'],
  ['a hole in between', `{${a},"b":{"dtype":"U8","shape":[1],"data_offsets":[5,6]}}`, 6, 'hole'],
  ['a hole at the end', `{${a}}`, 5, 'hole'],
  ['an overlap', `{${a},"b":{"dtype":"U8","shape":[3],"data_offsets":[3,6]}}`, 6, 'overlap'],
  ['one tensor inside another', `{${a},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 4, 'overlap'],
]

/** The start of a file with this header: its length as 64-bit little-endian number, then the header. */
export function safetensorsStart(json: string | Uint8Array): Uint8Array {
  const header = typeof json === 'string' ? new TextEncoder().encode(json) : json
  const start = new Uint8Array(8 + header.length)
  new DataView(start.buffer).setBigUint64(0, BigInt(header.length), true)
  start.set(header, 8)
  return start
}
