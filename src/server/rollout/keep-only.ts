/** Forgets what a map holds under all other keys. */
export function keepOnly<T>(map: Map<string, T>, keys: ReadonlySet<string>): void {
  for (const key of map.keys()) if (!keys.has(key)) map.delete(key)
}
