import { lookup } from 'node:dns/promises'

/** Every address that a name leads to, as the resolver of this machine says. */
export async function lookupHost(hostname: string): Promise<string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address)
}
