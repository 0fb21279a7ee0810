import { assert, property, string, uniqueArray } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { byKeys, objectOf } from '../../protocol/shape.ts'

describe('byKeys', () => {
  it('makes its answer once for each list of keys in their order', () => {
    let made = 0
    const count = byKeys(() => (made += 1))
    expect([count(['a', 'b']), count(['a', 'b']), count(['b', 'a']), count(['ab'])]).toEqual([
      1, 1, 2, 3,
    ])
  })

  it('remembers nothing of lists and keys longer than those of any message', () => {
    let made = 0
    const count = byKeys(() => (made += 1))
    const long = ['k'.repeat(65)]
    const many = Array.from({ length: 65 }, (_, at) => `k${at}`)
    for (const keys of [long, many]) expect(count(keys)).not.toBe(count(keys))
  })
})

describe('objectOf', () => {
  it('is the object of these keys and values', () => {
    const keys = uniqueArray(string().filter((key) => key !== '__proto__'))
    assert(
      property(keys, (names) => {
        const values = names.map((name) => name.length)
        const expected = Object.fromEntries(names.map((name, at) => [name, values[at]]))
        expect(objectOf(names, values)).toEqual(expected)
      }),
    )
  })
})
