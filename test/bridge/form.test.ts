import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readForm, textsOf } from '../../node/bridge/form.ts'
import { toUtf8 } from '../../protocol/bytes.ts'
import { ProtocolError } from '../../protocol/errors.ts'

const read = (text: string): Record<string, string[]> =>
  Object.fromEntries(textsOf(readForm(toUtf8(text))))

function outcomeOf(bytes: Uint8Array): 'read' | 'refused' {
  try {
    readForm(bytes)
    return 'read'
  } catch (error) {
    if (error instanceof ProtocolError) return 'refused'
    throw error
  }
}

describe('readForm', () => {
  it.each<[string, string, Record<string, string[]>]>([
    ['nothing', '', {}],
    ['a field', 'domain=amor.example', { domain: ['amor.example'] }],
    ['a field without a value', 'domain', { domain: [''] }],
    ['a value with an equals sign', 'a=b=c', { a: ['b=c'] }],
    ['a list by its indexes', 'id%5B0%5D=2001&id%5B1%5D=2002', { id: ['2001', '2002'] }],
    ['a list without indexes', 'id[]=1&id[]=2', { id: ['1', '2'] }],
    ['spaces and signs', 'a=%C3%A9+%2B%26', { a: ['é +&'] }],
    ['what lies between two ampersands', '&&a=1&&', { a: ['1'] }],
    ['names that mean something elsewhere', '__proto__=1', { ['__proto__']: ['1'] }],
  ])('reads %s', (_, text, expected) => {
    expect(Object.entries(read(text))).toEqual(Object.entries(expected))
  })

  it('leaves out names of other kinds', () => {
    expect(read(`a[b]=1&a-b=2&%00=3&${'x'.repeat(41)}=4&${'y'.repeat(70)}=5&=6&z=7`)).toEqual({
      z: ['7'],
    })
  })

  it.each([
    ['a sign that ends early', 'a=%4'],
    ['a sign of other digits', 'a=%4g'],
    ['a sign in a name that ends early', 'a%=1'],
  ])('refuses %s', (_, text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'malformed' }))
  })

  it('keeps bytes that are no text, and refuses them as text', () => {
    const form = readForm(toUtf8('a=%FF%00'))
    expect(form.get('a')).toEqual([Uint8Array.of(0xff, 0)])
    expect(() => textsOf(form)).toThrow(expect.objectContaining({ code: 'malformed' }))
  })

  it('bounds the number of fields', () => {
    expect(read('a=&'.repeat(2000))['a']).toHaveLength(2000)
    expect(() => read('a=&'.repeat(2001))).toThrow(expect.objectContaining({ code: 'too_large' }))
  })

  it('reads what a browser writes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('a', 'b_c', 'D'), fc.string({ unit: 'grapheme' }))),
        (fields) => {
          const expected: Record<string, string[]> = {}
          for (const [name, value] of fields) (expected[name] ??= []).push(value)
          expect(read(new URLSearchParams(fields).toString())).toEqual(expected)
        },
      ),
    )
  })

  it('fails in no other way than by refusing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(['read', 'refused']).toContain(outcomeOf(bytes))
      }),
      { numRuns: 2000 },
    )
  })
})
