import { Refusal } from '../refusal.js'

// Pre-release numbers of update-management: -1 rc, -2 beta, -3 alpha.
const stages = new Map([
  ['rc', -1],
  ['beta', -2],
  ['alpha', -3],
])
const words: ReadonlyMap<number | undefined, string> = new Map([...stages].map(([word, stage]) => [stage, word]))
const shape = /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:-(alpha|beta|rc)\.(0|[1-9]\d{0,8}))?$/

/**
 * "1.4.0" → [1, 4, 0]; "1.4.0-rc.1" → [1, 4, 0, -1, 1].
 * @throws Refusal `VERSION_MALFORMED` for everything that is not SemVer with a numeric core and alpha.n, beta.n or rc.n.
 * @see draft-ietf-suit-update-management, "suit-parameter-version"
 */
export function versionToIntegers(version: string): number[] {
  const match = shape.exec(version)
  if (match === null) throw new Refusal('VERSION_MALFORMED', { version: version.slice(0, 64) })
  const core = match.slice(1, 4).map(Number)
  const stage = stages.get(match[4] ?? '')
  return stage === undefined ? core : [...core, stage, Number(match[5])]
}

/** The inverse; `versionToIntegers` of the answer is the input again, or it refuses `VERSION_MALFORMED`. */
export function versionFromIntegers(integers: readonly number[]): string {
  const [major, minor, patch, stage, number] = integers
  const core = `${major}.${minor}.${patch}`
  if (integers.length === 3 && integers.every(isPart)) return core
  const word = words.get(stage)
  const text = integers.length > 3 ? `${core}-${word}.${number}` : core
  if (integers.length !== 5 || word === undefined || ![major, minor, patch, number].every(isPart))
    throw new Refusal('VERSION_MALFORMED', { version: text.slice(0, 64) })
  return text
}

/** At most nine digits, as in `shape`. */
const isPart = (integer: number | undefined): boolean =>
  integer !== undefined && Number.isInteger(integer) && integer >= 0 && integer <= 999_999_999

/** Negative when a is older than b, 0 when equal, positive when newer (SemVer 2.0.0 §11). */
export function compareVersions(a: string, b: string): number {
  // A final release counts as stage 0, above rc (-1), beta (-2) and alpha (-3).
  const left = [...versionToIntegers(a), 0, 0]
  const right = [...versionToIntegers(b), 0, 0]
  for (let index = 0; index < 5; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
