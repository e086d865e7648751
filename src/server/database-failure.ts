import { Refusal } from '../domain/refusal.js'
import { errorCodeOf } from './error-code.js'

/** What people can act on, by the error codes of Node and of PostgreSQL (appendix A). */
const reasons = new Map([
  ['ECONNREFUSED', 'nothing listens at its address'],
  ['ENOTFOUND', 'its host name is not known'],
  ['ETIMEDOUT', 'its address does not answer'],
  ['ECONNRESET', 'it closed the connection'],
  ['28P01', 'it refused the password'],
  ['28000', 'it refused the user'],
  ['3D000', 'the database does not exist'],
  ['57P03', 'it is starting up'],
  ['53300', 'it has no connection left'],
  ['22023', 'the role of the server does not exist: run migrate'],
])

/** What the database does not keep in any text: NUL, in a parameter or in JSON. No name and no id here has one. */
const unkept = new Set(['22021', '22P05'])

/** A failure to reach the database as one refusal, and a text that it does not keep as another; anything else stays what it is. */
export function asDatabaseFailure(error: unknown): unknown {
  if (error instanceof AggregateError) return asDatabaseFailure(error.errors[0])
  if (error instanceof Refusal || typeof error !== 'object' || error === null) return error
  const message = 'message' in error && typeof error.message === 'string' ? error.message : ''
  const code = errorCodeOf(error)
  if (unkept.has(code)) {
    const detail = { field: 'request', why: 'has a character that the database does not keep' }
    return new Refusal('REQUEST_INVALID', detail, { cause: error })
  }
  const isTimeout = /timeout expired|Connection terminated/.test(message)
  const why = reasons.get(code) ?? (isTimeout ? 'it does not answer' : undefined)
  return why === undefined ? error : new Refusal('DATABASE_UNAVAILABLE', { why }, { cause: error })
}
