import { expect, it } from '@jest/globals'
import { isCertified } from './client-certificate.js'

const authorities = ['AB:12', 'cd:34']
it.each([
  ['the one authority', { 'x-controller-id': 'dev', 'x-authority': 'ab:12' }, true],
  ['one of a chain', { 'x-controller-id': 'dev', 'x-authority-1': 'ff', 'x-authority-2': 'CD:34' }, true],
  ['an authority that nobody named', { 'x-controller-id': 'dev', 'x-authority': 'ff' }, false],
  ['the certificate of another client', { 'x-controller-id': 'other', 'x-authority': 'ab:12' }, false],
  ['no name', { 'x-authority': 'ab:12' }, false],
  ['no authority', { 'x-controller-id': 'dev' }, false],
])('with %s: %s', (_, headers, certified) => {
  expect(isCertified(headers, 'dev', authorities)).toBe(certified)
})

it('lets nobody in where no authority is named', () => {
  expect(isCertified({ 'x-controller-id': 'dev', 'x-authority': '' }, 'dev', [])).toBe(false)
})
