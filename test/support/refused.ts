import { Refusal, type RefusalCode } from '../../src/domain/refusal.js'

/** Code and facts of the refusal that `check` ends in; fails when it ends in anything else. */
export function refusedBy(check: () => unknown): { code: RefusalCode; detail: unknown } {
  try {
    check()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { code: error.code, detail: error.detail }
  }
  throw new Error('was accepted')
}
