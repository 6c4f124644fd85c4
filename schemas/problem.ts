import { z } from 'zod'
import { ERROR_CODES, type ErrorCode } from './errors.ts'

const CODES = Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]

/** Body of every error answer: problem details (RFC 9457) with our own stable `code`. */
export const Problem = z
  .object({
    type: z.string().meta({ description: 'URI of the kind of problem.' }),
    code: z.enum(CODES).meta({ description: 'Stable; programs decide by it. Texts may change.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'One sentence for a person; never memory content.' }),
    requestId: z.string().meta({ description: 'Finds the request in the logs of the server.' }),
    field: z
      .string()
      .optional()
      .meta({ description: 'Path of the field at fault, in the names of the request (`messages.3.content`).' }),
    conflicts: z
      .array(z.object({ cubeId: z.string(), field: z.string() }))
      .optional()
      .meta({ description: 'merge_conflict only: cubes and fields that both sides changed.' }),
    reason: z
      .string()
      .optional()
      .meta({ description: 'mip_refused only: the code of the interchange protocol (`delegation_expired`).' }),
    expected: z.string().optional().meta({ description: 'What that field would have accepted.' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details.' })
export type Problem = z.infer<typeof Problem>
