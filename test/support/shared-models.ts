import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from '../tidy/repository.ts'

/** Trained models of others, which are not ours to hand on: a folder beside the repository, or MODELS of the environment. */
const FOLDER = process.env.MODELS ?? join(REPOSITORY, '../shared/models')

/** Path of a trained model, or null on a machine that does not have it. */
export function sharedModel(name: string): string | null {
  const path = join(FOLDER, name)
  return existsSync(path) ? path : null
}

/** Folder of the project's own model, or null while it is not there. REFERENCE_MODEL of the environment names another one. */
export function referenceModelFolder(): string | null {
  const folder = process.env.REFERENCE_MODEL ?? join(REPOSITORY, 'gpu-node/reference-model')
  return existsSync(join(folder, 'model.safetensors')) ? folder : null
}
