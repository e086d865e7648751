import { describe, expect, it } from '@jest/globals'
import { refusedBy } from '../../../test/support/refused.js'
import { isCoveredBy, isQuorumMet, parseQuorum } from './quorum.js'
import type { PersonRole } from './roles.js'

it('takes an expression apart', () => {
  expect(parseQuorum('2 of release-manager and 1 of security')).toEqual([
    { count: 2, role: 'release-manager' },
    { count: 1, role: 'security' },
  ])
})

it.each([
  ...['', '2', 'of security', '0 of security', '33 of security', '-1 of security', '01 of security', '1.5 of security'],
  ...['1 of nobody', '1 of Security', '1 of security ', '1 of security and', '1 of security or 1 of engineer'],
  ...['1 of security  and 1 of engineer', '1 of security AND 1 of engineer', '(1 of security)', 'any'],
])('refuses the expression %j', (expression) => {
  expect(refusedBy(() => parseQuorum(expression))).toEqual({
    code: 'DOCUMENT_MALFORMED',
    detail: { document: 'policy', field: '7', why: 'not a quorum expression' },
  })
})

describe('is met', () => {
  const [manager, security, engineer]: PersonRole[] = ['release-manager', 'security', 'engineer']
  it.each([
    ['2 of release-manager', [manager, manager], true],
    ['2 of release-manager', [manager, manager, manager, engineer], true],
    ['2 of release-manager', [manager], false],
    ['2 of release-manager', [manager, security], false],
    ['2 of release-manager', [], false],
    ['1 of release-manager and 1 of security', [manager, security], true],
    ['1 of release-manager and 1 of security', [manager, manager], false],
    ['1 of release-manager and 1 of security', [security], false],
    ['1 of security and 1 of security', [security], false],
    ['1 of security and 1 of security', [security, security], true],
  ] as [string, PersonRole[], boolean][])('"%s" by %j: %s', (expression, approvals, met) => {
    expect(isQuorumMet(parseQuorum(expression), approvals)).toBe(met)
  })

  it('never by no clause at all', () => {
    expect(isQuorumMet([], ['security'])).toBe(false)
  })
})

it.each([
  ['2 of release-manager', '2 of release-manager', true],
  ['1 of release-manager', '2 of release-manager and 1 of security', true],
  ['3 of release-manager', '2 of release-manager', false],
  ['2 of release-manager and 1 of security', '2 of release-manager', false],
  ['1 of security', '2 of release-manager', false],
])('"%s" is covered by "%s": %s', (wanted, asked, covered) => {
  expect(isCoveredBy(parseQuorum(wanted), parseQuorum(asked))).toBe(covered)
})
