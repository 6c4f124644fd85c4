/** Where a cube's blob lies. The cube's id is part of the key, so that a deletion never takes another cube's bytes with it. */
export const blobKey = (orgId: string, cubeId: string, cid: string): string => `cubes/${orgId}/${cubeId}/${cid}`
