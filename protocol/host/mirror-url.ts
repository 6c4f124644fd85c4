import { MIP_ADDRESS_LENGTH_MAX } from '../../schemas/limits-mip.ts'
import { MIP_HTTP_BASE } from '../../schemas/mip-http.ts'
import { MipRemoteError } from '../core/mip-remote-error.ts'
import type { LogName } from '../core/wire-types.ts'
import { isPrivateIpv4, isPrivateIpv6 } from './private-address.ts'

export interface MirrorUrlOptions {
  /** For tests and closed networks: plain HTTP and private addresses too. */
  allowPrivate?: boolean
}

const ADDRESS = /^(https?):\/\/([^/?#]+)(\/[A-Za-z0-9._~/-]*)?$/
const NAME = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/
/** Names that mean the machine itself or the network it stands in (RFC 6761, RFC 6762, RFC 8375, RFC 9476; and what clouds and offices use). */
const PRIVATE_NAME =
  /(^|\.)(localhost|localdomain|local|internal|intranet|private|corp|home|lan|arpa|onion|alt|test|example|invalid)$/
const PORT_UNPRIVILEGED_MIN = 1024
const PORT_HTTPS = 443

/**
 * The address of a mirror, when this deployment may open it. Addresses come from foreign logs, so whoever writes one must not reach what
 * only this machine can (SSRF, MIP 4.12): https, a public name or address in its plain spelling, no user, query or fragment.
 * A name may still lead to a private address: HttpRemote looks that up where the runtime can.
 * @throws MipRemoteError `refused_url`; the message does not repeat the address.
 */
export function checkMirrorUrl(text: string, { allowPrivate = false }: MirrorUrlOptions = {}): URL {
  const [, scheme, authority = ''] = (text.length <= MIP_ADDRESS_LENGTH_MAX && ADDRESS.exec(text)) || refuse('its form')
  const url = URL.canParse(text) ? new URL(text) : refuse('its form')
  // Decimal, octal, hexadecimal, percent-encoded and full-width spellings of an address all come out changed.
  if (authority.toLowerCase().replace(/:\d+$/, '') !== url.hostname) refuse('the spelling of its host')
  if (allowPrivate) return url
  if (scheme !== 'https') refuse('its scheme')
  const port = url.port === '' ? PORT_HTTPS : Number(url.port)
  if (port !== PORT_HTTPS && port < PORT_UNPRIVILEGED_MIN) refuse('its port')
  checkHost(url.hostname)
  return url
}

/** Where the tail of a log is, at the address of a mirror. @throws MipRemoteError `refused_url` */
export function tailUrl(address: string, { org, log }: LogName, options: MirrorUrlOptions = {}): URL {
  const url = checkMirrorUrl(address, options)
  url.pathname = `${url.pathname.replace(/\/+$/, '')}${MIP_HTTP_BASE}/tail/${org}/${log}`
  return url
}

/** @throws MipRemoteError `refused_url` when a name leads to an address that is not public, or to none. */
export function checkResolved(addresses: readonly string[]): void {
  if (addresses.length === 0 || addresses.some(isPrivateAddress)) refuse('where its name leads')
}

function checkHost(host: string): void {
  if (host.startsWith('[')) {
    if (isPrivateIpv6(host.slice(1, -1))) refuse('its host')
  } else if (/^[\d.]+$/.test(host)) {
    if (isPrivateIpv4(host)) refuse('its host')
  } else if (!NAME.test(host) || PRIVATE_NAME.test(host)) refuse('its host')
}

const isPrivateAddress = (address: string) => isPrivateIpv4(address) || isPrivateIpv6(address)

function refuse(what: string): never {
  throw new MipRemoteError('refused_url', `the address of the mirror is not opened because of ${what}`)
}
