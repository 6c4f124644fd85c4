import { MemosError } from '../../schemas/errors.ts'
import { isNarrowed, type Principal } from '../ports/principal.ts'

/** Users, agents and roles belong to the organisation: a key that reaches less of it neither sees nor changes who there is. */
export function expectWholeOrganisation(principal: Principal): void {
  if (isNarrowed(principal))
    throw new MemosError('forbidden', {
      detail: 'A key that is bound to a subject or to namespaces does not administer users, agents and roles.',
    })
}
