import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { Refusal } from '../../../domain/refusal.js'
import type { Evidence } from './evidence-kind.js'

/** Nothing that a document defines for itself is expanded, and nothing is fetched. */
const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '', processEntities: false })
const counts = ['tests', 'failures', 'errors', 'skipped'] as const
type Counts = Record<(typeof counts)[number], number>

/**
 * A JUnit report, as test runners write it: `<testsuites>` or one `<testsuite>`. It names no image: that it is about this one only whoever
 * brought it says.
 * @throws Refusal `EVIDENCE_MALFORMED`.
 */
export function readJunit(text: string): Evidence {
  // A document type could define entities; no test report needs one.
  if (/<!DOCTYPE|<!ENTITY/i.test(text)) throw malformed('', 'has a document type')
  const valid = XMLValidator.validate(text)
  if (valid !== true) throw malformed(`line ${valid.err.line}`, valid.err.msg)
  const root = parser.parse(text) as Readonly<Record<string, unknown>>
  const suites = root['testsuites'] ?? root['testsuite']
  if (suites === undefined) throw malformed('', 'neither testsuites nor testsuite')
  const total: Counts = { tests: 0, failures: 0, errors: 0, skipped: 0 }
  for (const suite of 'testsuites' in root ? listOf(membersOf(suites)['testsuite']) : listOf(suites)) add(total, suite)
  const { tests, failures, errors, skipped } = total
  const failed = failures + errors
  const facts = { passed: tests - failed - skipped, failed, skipped, result: failed > 0 ? 'FAILED' : 'PASSED' }
  // Nothing that was tested is nothing that passed.
  if (tests === 0) throw malformed('testsuite', 'no tests')
  if (facts.passed < 0) throw malformed('testsuite', 'more failures than tests')
  return { kind: 'test-report', format: 'JUnit', namesImage: false, facts }
}

function add(total: Counts, suite: unknown): void {
  const members = membersOf(suite)
  for (const name of counts) {
    const text = members[name] ?? (name === 'tests' ? undefined : '0')
    if (typeof text !== 'string' || !/^\d{1,9}$/.test(text)) throw malformed(`testsuite.${name}`, 'not a whole number')
    total[name] += Number(text)
  }
}

const listOf = (value: unknown): unknown[] => (value === undefined ? [] : [value].flat())
const membersOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
const malformed = (at: string, why: string): Refusal => new Refusal('EVIDENCE_MALFORMED', { format: 'JUnit', at, why })
