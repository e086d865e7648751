import { describe, expect, it } from '@jest/globals'
import { refusedBy } from '../../../test/support/refused.js'
import { mergeAttributes } from './attributes.js'

const held = { site: 'berlin', serial: '7' }
describe('attributes', () => {
  it.each([
    ['merge', { site: 'lyon', rack: '2' }, { site: 'lyon', serial: '7', rack: '2' }],
    ['replace', { rack: '2' }, { rack: '2' }],
    ['remove', { site: '', nothing: '' }, { serial: '7' }],
  ] as const)('%s', (mode, data, expected) => {
    expect(mergeAttributes(held, data, mode)).toEqual(expected)
  })

  const long = 'x'.repeat(129)
  it.each([
    ['a name too long', { [long]: '' }],
    ['a value too long', { site: long }],
    ['a name of nothing', { '': 'x' }],
    ['a NUL', { site: 'a\0b' }],
  ])('%s is refused', (_, data) => {
    expect(refusedBy(() => mergeAttributes(held, data, 'merge')).code).toBe('REQUEST_INVALID')
  })

  it('a hundred are kept and one more is refused', () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, '']))
    expect(Object.keys(mergeAttributes({}, many(100), 'replace'))).toHaveLength(100)
    expect(refusedBy(() => mergeAttributes({}, many(101), 'replace'))).toEqual({
      code: 'RATE_EXCEEDED',
      detail: { limit: 100, what: 'attributes' },
    })
    expect(refusedBy(() => mergeAttributes(many(100), { site: '' }, 'merge')).code).toBe('RATE_EXCEEDED')
  })
})
