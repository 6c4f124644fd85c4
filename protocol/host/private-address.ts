/** Ranges that are nobody's public address (IANA special-purpose registries, RFC 6890 and its updates). */
const IPV4_RANGES: readonly (readonly [address: string, bits: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16], // link-local, where clouds serve their metadata
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]

const IPV6_GROUPS = 8

/** Says whether a text is an IPv4 address in dotted decimals that is not public. */
export function isPrivateIpv4(text: string): boolean {
  const address = ipv4Number(text)
  return address !== undefined && isPrivateNumber(address)
}

/**
 * Says whether a text is an IPv6 address that is not public. Only 2000::/3 is given out; of it, what carries an IPv4 address inside
 * (6to4, Teredo) and what is for documentation is refused, and so is NAT64, which lies outside.
 */
export function isPrivateIpv6(text: string): boolean {
  const groups = ipv6Groups(text)
  if (!groups) return false
  const [first = 0, second = 0] = groups
  if (first === 0x2001) return second < 0x200 || second === 0xdb8
  return (first & 0xe000) !== 0x2000 || first === 0x2002 || first === 0x3fff
}

/** A set of addresses by rule: whoever asks `has` gets true for every address that is not public. */
export class PrivateAddresses extends Set<string> {
  override has(address: string): boolean {
    return isPrivateIpv4(address) || isPrivateIpv6(address)
  }
}

function isPrivateNumber(address: number): boolean {
  return IPV4_RANGES.some(([start, bits]) => {
    const size = 2 ** (32 - bits)
    return Math.floor(address / size) === Math.floor(ipv4Number(start)! / size)
  })
}

function ipv4Number(text: string): number | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number)
  if (!parts || parts.some((part) => part > 255)) return undefined
  return parts.reduce((address, part) => address * 256 + part, 0)
}

function ipv6Groups(text: string): number[] | undefined {
  const dotted = /^(.*:)(\d{1,3}(?:\.\d{1,3}){3})$/.exec(text)
  const tail = dotted && ipv4Number(dotted[2]!)
  const plain =
    dotted && tail != null ? `${dotted[1]}${(tail >>> 16).toString(16)}:${(tail & 0xffff).toString(16)}` : text
  const halves = plain.split('::')
  if (!plain.includes(':') || halves.length > 2) return undefined
  const [left = [], right = []] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const missing = IPV6_GROUPS - left.length - right.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...left, ...Array<string>(halves.length === 2 ? missing : 0).fill('0'), ...right]
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group)) ? groups.map((g) => Number.parseInt(g, 16)) : undefined
}
