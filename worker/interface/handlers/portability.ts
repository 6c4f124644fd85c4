export const exportNamespace = async () => undefined
export const importArchive = async () => undefined
