import { compareVersions } from '../suit/version.js'

/** A release as far as it decides who may step onto it. */
export interface PathRelease {
  readonly version: string
  /** What a device has to run at least; null for anything. */
  readonly leastVersion: string | null
  /** Nobody may step over it. */
  readonly isSteppingStone: boolean
}

/** `via`: the versions to be taken first, in their order. `none`: no signed release leads there. */
export type UpdatePath =
  | { readonly kind: 'direct' }
  | { readonly kind: 'via'; readonly versions: readonly string[] }
  | { readonly kind: 'none' }

/**
 * How a device comes to a release.
 * @param others all signed releases of its class.
 * @param running the version it runs; null when it is none of ours, which is older than everything.
 */
export function findPath(target: PathRelease, others: readonly PathRelease[], running: string | null): UpdatePath {
  const stones = [target, ...others].filter((each) => each.isSteppingStone)
  const between = others.filter(
    (each) => isNewer(each.version, running) && compareVersions(each.version, target.version) < 0,
  )
  // Breadth first: the way with the fewest steps.
  const reached = new Map<string | null, readonly string[]>([[running, []]])
  for (const [from, way] of reached) {
    if (mayStep(from, target, stones)) return way.length === 0 ? { kind: 'direct' } : { kind: 'via', versions: way }
    for (const next of between)
      if (!reached.has(next.version) && isNewer(next.version, from) && mayStep(from, next, stones))
        reached.set(next.version, [...way, next.version])
  }
  return { kind: 'none' }
}

const isNewer = (version: string, than: string | null): boolean => than === null || compareVersions(version, than) > 0

function mayStep(from: string | null, to: PathRelease, stones: readonly PathRelease[]): boolean {
  if (to.leastVersion !== null && (from === null || compareVersions(from, to.leastVersion) < 0)) return false
  return !stones.some((stone) => isNewer(stone.version, from) && compareVersions(stone.version, to.version) < 0)
}
