import { buildOpenApi } from '../../schemas/openapi.ts'

/** openapi.json, indented so that a change of the contract is readable in review. */
export async function renderOpenApi(): Promise<string> {
  return `${JSON.stringify(await buildOpenApi(), null, 2)}\n`
}
