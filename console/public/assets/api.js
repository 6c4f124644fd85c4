const KEY = 'memos.key'
const ORGANISATION = 'memos.organisation'

/** The server said no: `code` as in schemas/errors.ts, `message` for people. */
export class ApiError extends Error {
  constructor({ code, detail, field, expected }) {
    super([detail, field && `(${field}${expected ? `: expected ${expected}` : ''})`].filter(Boolean).join(' '))
    this.code = code
  }
}

/** The key lives in the session storage of this tab: it is gone when the tab is closed. */
export const session = {
  hasKey: () => sessionStorage.getItem(KEY) !== null,
  enter(key, organisation) {
    sessionStorage.setItem(KEY, key)
    if (organisation) sessionStorage.setItem(ORGANISATION, organisation)
    else sessionStorage.removeItem(ORGANISATION)
  },
  leave() {
    sessionStorage.removeItem(KEY)
    sessionStorage.removeItem(ORGANISATION)
  },
}

/** Calls an operation of the API. @throws ApiError */
export async function call(method, path, body) {
  const organisation = sessionStorage.getItem(ORGANISATION)
  const response = await fetch(path, {
    method,
    headers: {
      authorization: `Bearer ${sessionStorage.getItem(KEY)}`,
      ...(organisation && { 'x-memos-org': organisation }),
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  const answer = await response.json().catch(() => ({ code: 'unexpected_answer', detail: `HTTP ${response.status}` }))
  if (!response.ok) throw new ApiError(answer)
  return answer
}
