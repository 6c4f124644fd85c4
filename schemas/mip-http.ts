/** Where the HTTP twin of the stream protocols stands (MIP 4.5). */
export const MIP_HTTP_BASE = '/mip/v1'
/** Media type of MIP-CBOR, and of blobs and parts of them. */
export const MIP_CBOR_TYPE = 'application/vnd.ipld.dag-cbor'
export const MIP_BLOB_TYPE = 'application/octet-stream'
