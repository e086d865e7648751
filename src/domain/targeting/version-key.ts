import { versionFromIntegers, versionToIntegers } from '../suit/version.js'

/**
 * A version as five integers that compare one by one: `1.4.0-rc.1` is [1, 4, 0, -1, 1]; a final release counts as stage 0,
 * above rc (-1), beta (-2) and alpha (-3). PostgreSQL compares arrays in the same way.
 */
export type VersionKey = readonly [number, number, number, number, number]

/** @throws Refusal `VERSION_MALFORMED` */
export function versionKeyOf(version: string): VersionKey {
  const [major = 0, minor = 0, patch = 0, stage = 0, number = 0] = versionToIntegers(version)
  return [major, minor, patch, stage, number]
}

/** The inverse. */
export const versionOfKey = (key: VersionKey): string => versionFromIntegers(key[3] === 0 ? key.slice(0, 3) : [...key])

/** Negative when a is older than b, 0 when equal, positive when newer (SemVer 2.0.0 §11). */
export function compareVersionKeys(a: VersionKey, b: VersionKey): number {
  const place = a.findIndex((value, index) => value !== b[index])
  return place === -1 ? 0 : (a[place] ?? 0) - (b[place] ?? 0)
}
