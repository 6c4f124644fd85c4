/**
 * Where a request comes from. The Node host hands over its socket, which cannot be made up; on Cloudflare the platform sets the header itself.
 * Behind a proxy on Node all callers share the proxy's address, and its limit.
 */
export function callerAddress(env: unknown, request: Request): string {
  const socket = (env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined)?.incoming?.socket
  if (socket !== undefined) return socket.remoteAddress ?? 'unknown'
  return request.headers.get('cf-connecting-ip') ?? 'unknown'
}
