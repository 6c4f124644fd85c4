import type { JsonView } from '../../../protocol/core/json-view.ts'
import type { MipCborReason } from '../../../protocol/core/mip-cbor-error.ts'

const LINK = 'bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua'
const DIGEST = '00'.repeat(32)

/** Values that have an encoding, as JSON view. */
export const MIP_CBOR_VALID: { title: string; json: JsonView }[] = [
  { title: 'empty map', json: {} },
  { title: 'empty array', json: [] },
  { title: 'null, false, true', json: [null, false, true] },
  {
    title: 'integers at the edges of each head size',
    json: [0, 23, 24, 255, 256, 65535, 65536, 4294967295, 4294967296],
  },
  { title: 'negative integers at the edges', json: [-1, -24, -25, -256, -257, -65537, -4294967297] },
  { title: 'largest and smallest integer', json: [9007199254740991, -9007199254740991] },
  { title: 'keys sort by length, then by bytes', json: { b: 1, a: 2, aa: 3, aZ: 4, z: 5, a1: 6 } },
  { title: 'keys named like members of Object', json: { constructor: 1, toString: 2, valueOf: 3, asCID: 4 } },
  { title: 'empty string and empty bytes', json: { bytes: { $bytes: '' }, text: '' } },
  { title: 'text beyond ASCII in NFC', json: 'caf\u00e9, 東京, 𝄞' },
  { title: 'a byte order mark that does not lead', json: 'a\uFEFFb' },
  { title: 'bytes', json: { $bytes: 'AAECAwQFBgcICQoLDA0ODw' } },
  { title: 'links to an object and to raw bytes', json: [{ $link: LINK }, { $link: LINK.replace('bafy', 'bafk') }] },
  { title: 'sixteen levels', json: levels(16) },
]

function levels(count: number): JsonView {
  return count === 0 ? 1 : [levels(count - 1)]
}

/** Bytes that are refused, with the reason. */
export const MIP_CBOR_INVALID: { title: string; hex: string; reason: MipCborReason }[] = [
  { title: 'no bytes', hex: '', reason: 'malformed' },
  { title: 'a second item', hex: '0102', reason: 'malformed' },
  { title: 'text that is cut short', hex: '6261', reason: 'malformed' },
  { title: 'map without its last value', hex: 'a16161', reason: 'malformed' },
  { title: 'array that claims 2^32 - 1 items', hex: '9affffffff', reason: 'malformed' },
  { title: 'bytes that claim 2^53 - 1', hex: '5b001fffffffffffff', reason: 'malformed' },
  { title: 'reserved additional information 28', hex: '1c', reason: 'malformed' },
  { title: 'break without a start', hex: 'ff', reason: 'malformed' },
  { title: 'array of indefinite length', hex: '9f01ff', reason: 'indefinite' },
  { title: 'text of indefinite length', hex: '7f6161ff', reason: 'indefinite' },
  { title: 'map of indefinite length', hex: 'bf616101ff', reason: 'indefinite' },
  { title: 'integer 1 in two bytes', hex: '1801', reason: 'not_canonical' },
  { title: 'integer 1 in nine bytes', hex: '1b0000000000000001', reason: 'not_canonical' },
  { title: 'integer 255 in three bytes', hex: '1900ff', reason: 'not_canonical' },
  { title: 'text length in two bytes', hex: '780161', reason: 'not_canonical' },
  { title: 'keys out of order', hex: 'a2616201616102', reason: 'not_canonical' },
  { title: 'longer key first', hex: 'a262616101616202', reason: 'not_canonical' },
  { title: 'text that is not UTF-8', hex: '61ff', reason: 'not_canonical' },
  { title: 'surrogate in UTF-8', hex: '63eda080', reason: 'not_canonical' },
  { title: 'text with a leading byte order mark', hex: '64efbbbf61', reason: 'not_canonical' },
  { title: 'text that is not NFC', hex: '6365cc81', reason: 'non_nfc' },
  { title: 'integer 2^53', hex: '1b0020000000000000', reason: 'big_int' },
  { title: 'integer 2^64 - 1', hex: '1bffffffffffffffff', reason: 'big_int' },
  { title: 'integer -2^53', hex: '3b001fffffffffffff', reason: 'big_int' },
  { title: 'float16 1.0', hex: 'f93c00', reason: 'float' },
  { title: 'float32 1.5', hex: 'fa3fc00000', reason: 'float' },
  { title: 'float64 1.0', hex: 'fb3ff0000000000000', reason: 'float' },
  { title: 'negative zero', hex: 'fb8000000000000000', reason: 'float' },
  { title: 'NaN', hex: 'fb7ff8000000000000', reason: 'float' },
  { title: 'infinity', hex: 'fb7ff0000000000000', reason: 'float' },
  { title: 'undefined', hex: 'f7', reason: 'undefined' },
  { title: 'simple value 0', hex: 'e0', reason: 'simple' },
  { title: 'simple value 255', hex: 'f8ff', reason: 'simple' },
  { title: 'tag 0 (date)', hex: 'c06161', reason: 'tag' },
  { title: 'tag 2 (big number)', hex: 'c24101', reason: 'tag' },
  { title: 'link without the leading zero byte', hex: `d82a582501015512${'20'}${DIGEST}`, reason: 'cid' },
  { title: 'link of codec dag-pb', hex: `d82a58250001701220${DIGEST}`, reason: 'cid' },
  { title: 'link of hash sha2-512', hex: `d82a58250001711320${DIGEST}`, reason: 'cid' },
  { title: 'link of CID version 0', hex: `d82a5823001220${DIGEST}`, reason: 'cid' },
  { title: 'link on text', hex: 'd82a6161', reason: 'cid' },
  { title: 'link that is cut short', hex: 'd82a5825000171122000', reason: 'malformed' },
  { title: 'integer as key', hex: 'a10102', reason: 'key' },
  { title: 'array as key', hex: 'a18001', reason: 'key' },
  { title: 'key twice', hex: 'a2616101616102', reason: 'key' },
  { title: 'empty key', hex: 'a16001', reason: 'key' },
  { title: 'key that starts with an upper-case letter', hex: 'a1614101', reason: 'key' },
  { title: 'key with an underscore', hex: 'a163615f6201', reason: 'key' },
  { title: 'key __proto__', hex: 'a1695f5f70726f746f5f5f01', reason: 'key' },
  { title: 'key beyond ASCII', hex: 'a162c3a901', reason: 'key' },
  { title: 'seventeen levels of arrays', hex: `${'81'.repeat(17)}01`, reason: 'depth' },
  { title: 'seventeen levels of maps', hex: `${'a16161'.repeat(17)}01`, reason: 'depth' },
  { title: 'five thousand levels', hex: `${'81'.repeat(5000)}01`, reason: 'depth' },
]
