import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { readJunit } from './junit.js'

const ok = '<testcase name="boot"/>'
const failed = '<testcase name="link"><failure message="no carrier"/></testcase>'
const inError = '<testcase name="clock"><error/></testcase>'
const skipped = '<testcase name="radio"><skipped/></testcase>'
const suite = (content: string, said = ''): string => `<testsuite${said}>${content}</testsuite>`
const facts = (text: string): unknown => readJunit(text).facts

describe('a JUnit report', () => {
  it.each([
    ['one suite', suite(ok + failed + skipped), { passed: 1, failed: 1, skipped: 1, result: 'FAILED' }],
    [
      'suites within suites',
      `<testsuites>${suite(ok + suite(inError + ok))}${ok}</testsuites>`,
      { passed: 3, failed: 1, skipped: 0, result: 'FAILED' },
    ],
    [
      'a test that failed and then was in error',
      suite('<testcase><failure/><failure/><error/></testcase>', ' tests="1" failures="1" errors="1"'),
      { passed: 0, failed: 1, skipped: 0, result: 'FAILED' },
    ],
    [
      'what GoogleTest was told to leave out',
      suite(`${ok}<testcase status="notrun"/>`, ' tests="2" disabled="1" skipped="0"'),
      { passed: 1, failed: 0, skipped: 1, result: 'PASSED' },
    ],
    [
      'counts of everything below',
      `<testsuites tests="4" failures="1">${suite(ok + suite(failed + skipped + ok, ' tests="3"'), ' tests="4"')}</testsuites>`,
      { passed: 2, failed: 1, skipped: 1, result: 'FAILED' },
    ],
  ])('is counted by its test cases: %s', (_, text, expected) => {
    expect(facts(text)).toEqual(expected)
  })

  it.each([
    [
      'counts that hide failures',
      `<testsuites>${suite(failed + inError, ' tests="10" failures="0" errors="0"')}</testsuites>`,
      'testsuites/testsuite[1]/@tests',
    ],
    ['a failure that is not counted', suite(failed, ' tests="1" failures="0"'), 'testsuite/@failures'],
    ['an error that is not counted', suite(inError, ' tests="1" errors="0"'), 'testsuite/@errors'],
    ['more skipped than there are', suite(ok, ' tests="1" skipped="1"'), 'testsuite/@skipped'],
    ['a root that says something else', `<testsuites failures="12">${suite(ok)}</testsuites>`, 'testsuites/@failures'],
    [
      'an inner suite that says something else',
      suite(ok + suite(ok) + suite(failed, ' tests="9"')),
      'testsuite/testsuite[2]/@tests',
    ],
    ['a count without test cases', '<testsuite tests="7"/>', 'testsuite/@tests'],
    ['a count that is none', suite(ok, ' tests="one"'), 'testsuite/@tests'],
    ['a failure outside a test case', suite(`${ok}<failure/>`), 'testsuite/failure[1]'],
    ['no test cases', '<testsuites/>', 'testsuites'],
    ['two roots', '<testsuite/><testsuite/>', ''],
    ['too deep', suite('<a>'.repeat(101) + '</a>'.repeat(101)), ''],
    ['an end too early', '<testsuites><testsuite tests="1">', 'line 1'],
    ['entities of its own', `<!DOCTYPE a [<!ENTITY b "c">]>${suite(ok)}`, ''],
    ['another XML', '<html/>', ''],
  ])('is refused, and says where: %s', (_, text, at) => {
    const detail = expect.objectContaining({ format: 'JUnit', at })
    expect(() => readJunit(text)).toThrow(expect.objectContaining({ code: 'EVIDENCE_MALFORMED', detail }))
  })

  // Its suites count a suite inside as one test, and one that failed as skipped too.
  it('of a real test runner is read as it is', () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-junit-'))
    try {
      const file = join(folder, 'firmware.test.mjs')
      writeFileSync(
        file,
        `import { describe, it } from 'node:test'
        it('boots', () => {})
        describe('radio', () => {
          it('sends', () => {})
          it.skip('roams', () => {})
          describe('receives', () => { it('one', () => { throw new Error('no <carrier>') }); it('two', () => {}) })
        })`,
      )
      const { stdout } = spawnSync(process.execPath, ['--test', '--test-reporter=junit', file], {
        encoding: 'utf8',
        env: {},
      })
      expect(facts(stdout)).toEqual({ passed: 3, failed: 1, skipped: 1, result: 'FAILED' })
    } finally {
      rmSync(folder, { recursive: true })
    }
  }, 60_000)
})
