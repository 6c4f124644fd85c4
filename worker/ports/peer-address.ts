/** The part of a multiaddr that names the peer, whatever leads to it; what a peer that called us is known by. */
export const addressOfPeer = (peerId: string): string => `/p2p/${peerId}`

/** The same of an address; null for the URL of a mirror. */
export const peerPartOf = (address: string): string | null => /\/p2p\/[1-9A-HJ-NP-Za-km-z]+$/.exec(address)?.[0] ?? null
