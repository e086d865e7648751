/** A version as firmware of any format may state it: numbers, and a stage when it is none that is released. */
interface StatedVersion {
  readonly numbers: readonly number[]
  /** `rc.1`, `beta.2`, `dev.0`; every word of it when there are several. */
  readonly stage: string
}

const leading = /^[vV]?(\d{1,9}(?:\.\d{1,9}){0,15})([^]*)$/
/** Behind a name, as in `release-1.4.0`, only what has a point counts: `release-2` names a release, not a version. */
const named = /^[A-Za-z][^]*?(?<!\d|\d\.)(\d{1,9}(?:\.\d{1,9}){1,15})([^]*)$/
/** The hash of a commit may begin like a number. */
const commit = /^(?=.*[a-f])[0-9a-f]{7,64}(?:[-+_.]dirty)?$/i
/** What may follow the numbers: letters, or a sign that begins something else. Another point, or a comma, is neither. */
const restShape = /^(?:$|[-_+~ (A-Za-z]|\.[A-Za-z])/
const stageNames = new Map([
  ['a', 'alpha'],
  ['b', 'beta'],
  ['c', 'rc'],
])
/** Words for what comes before a release, wherever they stand behind the numbers. */
const stageWord =
  /(?<![a-z])(alpha|beta|rc|dev|devel|pre|preview|snapshot|nightly|canary|milestone|candidate|test|testing|unstable|experimental|wip|[abcm](?=[-_.]?\d))[-_.]?(\d{1,9}(?:\.\d{1,9})*)?(?![a-z])/g
/** Letters right behind the numbers say a stage whatever they are; so does what follows a tilde. */
const attached = /^(?:~[-_.]?)?([a-z~]+)[-_.]?(\d{1,9}(?:\.\d{1,9})*)?/

/** @returns null for what cannot be taken apart. */
function findVersion(text: string): StatedVersion | null {
  const [, numbers, rest = ''] = leading.exec(text) ?? named.exec(text) ?? []
  if (numbers === undefined || !restShape.test(rest)) return null
  return { numbers: numbers.split('.').map(Number), stage: stageOf(rest.toLowerCase()) }
}

function stageOf(rest: string): string {
  const first = attached.exec(rest)
  const others = rest.slice(first?.[0].length ?? 0).matchAll(stageWord)
  return [...(first === null ? [] : [first]), ...others].map(([, word = '', number]) => nameOf(word, number)).join(' ')
}

const nameOf = (word: string, number = '0'): string =>
  `${stageNames.get(word) ?? word}.${number.split('.').map(Number).join('.')}`

/**
 * Whether firmware states the version that an engineer typed. The first three numbers count, a missing one is 0; so does a stage
 * (`-rc.1`) where the format can say one. Build numbers and what else follows do not.
 * @returns null when the firmware states nothing that is a version: the hash of a commit, a name.
 */
export function isSameVersion(typed: string, stated: string, canSayStage: boolean): boolean | null {
  const text = stated.normalize('NFKC').trim()
  if (commit.test(text)) return null
  const [mine, theirs] = [findVersion(typed), findVersion(text)]
  // Numbers that cannot be taken apart are another version than any that can be typed.
  if (theirs === null || mine === null) return /^[vV]?\d|\d[.,:_]+\d/.test(text) ? false : null
  const isEqual = [0, 1, 2].every((index) => (mine.numbers[index] ?? 0) === (theirs.numbers[index] ?? 0))
  return isEqual && (!canSayStage || mine.stage === theirs.stage)
}
