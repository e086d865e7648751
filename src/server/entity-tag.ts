/** RFC 9110 §13.1.2: a weak comparison of `etag` with each of a list. */
export const isHeld = (ifNoneMatch: string, etag: string): boolean =>
  ifNoneMatch === etag ||
  ifNoneMatch === '*' ||
  ifNoneMatch.split(',').some((each) => each.trim().replace(/^W\//, '') === etag)
