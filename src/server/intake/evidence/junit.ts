import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { Refusal } from '../../../domain/refusal.js'
import type { Evidence } from './evidence-kind.js'

const DEEPEST = 100
/** Nothing that a document defines for itself is expanded, and nothing is fetched. */
const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  processEntities: false,
  maxNestedTags: DEEPEST,
})
const counts = ['tests', 'failures', 'errors', 'skipped'] as const
type Counts = Record<(typeof counts)[number] | 'failed', number>

/** As the parser gives it: the element's name with its content, and its attributes. */
type Node = Readonly<Record<string, unknown>>

/**
 * A JUnit report, as test runners write it: `<testsuites>` or `<testsuite>`, suites within suites. Its test cases are what counts;
 * what attributes say of them has to agree. It names no image: that it is about this one only whoever brought it says.
 * @throws Refusal `EVIDENCE_MALFORMED`.
 */
export function readJunit(text: string): Evidence {
  const [root, ...others] = parse(text).filter((node) => !nameOf(node).startsWith('?'))
  if (root === undefined || !/^testsuites?$/.test(nameOf(root))) throw malformed('', 'neither testsuites nor testsuite')
  if (others.length > 0) throw malformed('', 'has two roots')
  const total = readSuite(root, nameOf(root))
  const { tests, failed, skipped } = total
  const facts = { passed: tests - failed - skipped, failed, skipped, result: failed > 0 ? 'FAILED' : 'PASSED' }
  // Nothing that was tested is nothing that passed.
  if (tests === 0) throw malformed(nameOf(root), 'no test cases')
  return { kind: 'test-report', format: 'JUnit', namesImage: false, facts }
}

function parse(text: string): readonly Node[] {
  // A document type could define entities; no test report needs one.
  if (/<!DOCTYPE|<!ENTITY/i.test(text)) throw malformed('', 'has a document type')
  const valid = XMLValidator.validate(text)
  if (valid !== true) throw malformed(`line ${valid.err.line}`, valid.err.msg)
  try {
    return parser.parse(text) as Node[]
  } catch (error) {
    throw malformed('', error instanceof Error ? error.message : 'not XML', error)
  }
}

/** Everything below a suite; `direct` is as runners count who take a suite inside for one test, as Node.js does. */
function readSuite(suite: Node, at: string): Counts {
  const whole: Counts = { tests: 0, failures: 0, errors: 0, skipped: 0, failed: 0 }
  const direct = { ...whole }
  const numbers = new Map<string, number>()
  for (const child of childrenOf(suite)) {
    const name = nameOf(child)
    const number = (numbers.get(name) ?? 0) + 1
    numbers.set(name, number)
    const place = `${at}/${name}[${number}]`
    if (name === 'testcase') {
      const one = readCase(child)
      add(whole, one)
      add(direct, one)
    } else if (name === 'testsuite') {
      const inner = readSuite(child, place)
      add(whole, inner)
      add(direct, asOne(inner))
    } else if (['failure', 'error', 'skipped'].includes(name)) throw malformed(place, 'outside a test case')
  }
  requireAgreement(attributesOf(suite), whole, direct, at)
  return whole
}

/** What failed and was in error failed once. GoogleTest lists tests that it was told to leave out as "notrun". */
function readCase(node: Node): Counts {
  const has = (name: string): number => (childrenOf(node).some((child) => nameOf(child) === name) ? 1 : 0)
  const [failures, errors] = [has('failure'), has('error')]
  const failed = Math.max(failures, errors)
  const isLeftOut = has('skipped') === 1 || attributesOf(node)['status'] === 'notrun'
  return { tests: 1, failures, errors, skipped: isLeftOut && failed === 0 ? 1 : 0, failed }
}

/** Node.js counts a suite that failed among the skipped ones too. */
const asOne = ({ failures, errors, skipped, failed }: Counts): Counts => ({
  tests: 1,
  failures: Math.min(1, failures),
  errors: Math.min(1, errors),
  skipped: Math.min(1, skipped + failures),
  failed: Math.min(1, failed),
})

function requireAgreement(said: Node, whole: Counts, direct: Counts, at: string): void {
  for (const name of counts) {
    const text = said[name]
    if (text === undefined) continue
    const place = `${at}/@${name}`
    if (typeof text !== 'string' || !/^\d{1,9}$/.test(text)) throw malformed(place, 'not a whole number')
    const found = [whole[name], direct[name]]
    // Of what was skipped some runners leave a kind out; none may claim more than there is.
    const agrees = name === 'skipped' ? Number(text) <= Math.max(...found) : found.includes(Number(text))
    if (!agrees) throw malformed(place, `says ${text}, its test cases say ${whole[name]}`)
  }
}

function add(total: Counts, more: Counts): void {
  for (const name of [...counts, 'failed'] as const) total[name] += more[name]
}

const nameOf = (node: Node): string => Object.keys(node).find((key) => key !== ':@') ?? ''
const childrenOf = (node: Node): readonly Node[] => node[nameOf(node)] as Node[]
const attributesOf = (node: Node): Node => (node[':@'] ?? {}) as Node
const malformed = (at: string, why: string, cause?: unknown): Refusal =>
  new Refusal('EVIDENCE_MALFORMED', { format: 'JUnit', at, why }, { cause })
