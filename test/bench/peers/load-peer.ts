/**
 * Imports a package of this folder's own node_modules. Its types are not installed with the project, so the caller states the part of its
 * interface that it uses.
 */
export const loadPeer = async <T>(name: string): Promise<T> => (await import(name)) as T
