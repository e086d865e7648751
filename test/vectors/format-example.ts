/** A worked example of a page: its bytes as annotated lines, and a check by whoever reads such bytes in earnest. */
export interface FormatExample {
  readonly page: string
  readonly text: string
  readonly check: () => unknown
}
