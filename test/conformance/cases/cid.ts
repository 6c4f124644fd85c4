import type { CidCodec } from '../../../protocol/core/cid.ts'

/** Bytes that are named. */
export const CID_VALID: { title: string; hex: string; codec: CidCodec }[] = [
  { title: 'no bytes, raw', hex: '', codec: 'raw' },
  { title: 'one zero byte, raw', hex: '00', codec: 'raw' },
  { title: 'the ASCII text abc, raw (digest: FIPS 180-4)', hex: '616263', codec: 'raw' },
  { title: 'the same bytes as object', hex: '616263', codec: 'object' },
  { title: 'empty map', hex: 'a0', codec: 'object' },
  { title: 'sixty-four bytes, one block of sha2-256', hex: 'a5'.repeat(64), codec: 'raw' },
]

const GOOD = 'bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua'

/** Texts that are no CID of MIP. */
export const CID_INVALID: { title: string; text: string }[] = [
  { title: 'empty', text: '' },
  { title: 'upper case', text: GOOD.toUpperCase() },
  { title: 'one character short', text: GOOD.slice(0, -1) },
  { title: 'one character more', text: `${GOOD}a` },
  { title: 'white space', text: ` ${GOOD}` },
  { title: 'line end', text: `${GOOD}\n` },
  { title: 'padding bits that are not zero', text: `${GOOD.slice(0, -1)}b` },
  { title: 'a digit outside base32', text: `${GOOD.slice(0, 20)}1${GOOD.slice(21)}` },
  { title: 'version 0', text: 'QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n' },
  { title: 'base58btc', text: 'zdpuAyvkgEDQm9TenwGkd5eNaosSxjgEYd8QatfPetgB1CdEZ' },
  { title: 'codec dag-pb', text: 'bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku' },
]
