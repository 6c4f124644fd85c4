import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ModelFiles } from '../../core/model/model-files.ts'
import { NodeError } from '../../core/node-error.ts'

/** The files of a model in a folder, as `huggingface-cli download` leaves them. Names with a path in them are refused. */
export function folderFiles(folder: string): ModelFiles {
  return {
    async read(name) {
      if (!/^[\w-][\w.-]*$/.test(name)) throw new NodeError('invalid_input', `"${name}" is no name of a file`)
      try {
        return await readFile(join(folder, name))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
        throw error
      }
    },
  }
}
