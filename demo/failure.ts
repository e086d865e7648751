import { Refusal, type RefusalDetail } from '../src/domain/refusal.js'

/** What to do about a "no" that a person at a terminal can mend. */
function advice(refusal: Refusal): string {
  switch (refusal.code) {
    case 'PACKAGE_MISSING':
      return (refusal.detail as RefusalDetail['PACKAGE_MISSING']).fix
    case 'SANDBOX_UNAVAILABLE':
      return 'allow user namespaces, or add --without-sandbox to see the story without this protection'
    case 'PORT_BUSY':
      return 'end the program that uses it, or choose another port'
    case 'CONFIGURATION':
      return 'add --help to see what there is'
    default:
      return ''
  }
}

/** One clear line for whatever ended a run; the whole story only with COUNTERSIGN_DEBUG=1. */
export function describeFailure(error: unknown): string {
  if (process.env['COUNTERSIGN_DEBUG'] === '1' && error instanceof Error) return error.stack ?? error.message
  if (error instanceof Refusal) {
    const next = advice(error)
    return `${error.code} ${JSON.stringify(error.detail)}${next === '' ? '' : `\n  what to do: ${next}`}`
  }
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
