import type { Attestation } from './attestation.js'

export const TEST_RESULT_TYPE = 'https://in-toto.io/attestation/test-result/v0.1'

/** What tests said of an image, signed by the builder that ran them. */
export interface TestResult {
  readonly result: 'PASSED' | 'WARNED' | 'FAILED'
  readonly builder: string
  readonly keyId: string
  readonly passed: number
  readonly failed: number
  readonly warned: number
}

const results = ['PASSED', 'WARNED', 'FAILED'] as const

/** @throws Refusal `DOCUMENT_MALFORMED`. @see https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md */
export function readTestResult({ predicate, keyId, builder }: Attestation): TestResult {
  const text = predicate.text('result', 16)
  const result = results.find((each) => each === text)
  if (result === undefined) throw predicate.refusal('result', 'not PASSED, WARNED or FAILED')
  const count = (key: string): number => (predicate.has(key) ? predicate.array(key).length : 0)
  const counts = { passed: count('passedTests'), failed: count('failedTests'), warned: count('warnedTests') }
  if (result === 'PASSED' && counts.failed > 0) throw predicate.refusal('result', 'PASSED with tests that failed')
  return { result, builder: builder.name, keyId, ...counts }
}
