/** A version as firmware of any format may state it: numbers, and a stage when it has one of ours. */
interface StatedVersion {
  readonly numbers: readonly number[]
  /** `rc.1`, `beta.2`, `alpha.3`. */
  readonly stage: string | null
}

const leading = /^[vV]?(\d{1,9}(?:\.\d{1,9}){0,3})(?![\w.])(.*)$/
/** In a name such as `release-1.4.0` only what has a point counts: `release-2` names a release, not a version. */
const inName = /(?:^|[-_. vV])(\d{1,9}(?:\.\d{1,9}){1,3})(?![\w.])(.*)$/
const stageShape = /^-(alpha|beta|rc)\.?(\d{1,9})(?![\w.])/

/** @returns null for text that holds no version, such as the hash of a commit. */
function findVersion(text: string): StatedVersion | null {
  const [, numbers, rest = ''] = leading.exec(text) ?? inName.exec(text) ?? []
  if (numbers === undefined) return null
  const [, word, number] = stageShape.exec(rest) ?? []
  return { numbers: numbers.split('.').map(Number), stage: word === undefined ? null : `${word}.${Number(number)}` }
}

/**
 * Whether firmware states the version that an engineer typed. Three numbers count, a missing one is 0; so does a stage
 * (`-rc.1`) where the format can say one. Build numbers and what else follows do not.
 * @returns null when the firmware states nothing that can be compared.
 */
export function isSameVersion(typed: string, stated: string, canSayStage: boolean): boolean | null {
  const [mine, theirs] = [findVersion(typed), findVersion(stated)]
  if (mine === null || theirs === null) return null
  const isEqual = [0, 1, 2].every((index) => (mine.numbers[index] ?? 0) === (theirs.numbers[index] ?? 0))
  return isEqual && (!canSayStage || mine.stage === theirs.stage)
}
