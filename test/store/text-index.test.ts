import { describe, expect, it } from 'vitest'
import { soughtWords, wordsOf } from '../../node/core/search/words.ts'
import { createTextIndex } from '../../node/store/text-index.ts'

function indexOf(...texts: string[]) {
  const index = createTextIndex()
  index.add(texts.map((text, row) => ({ row, words: wordsOf(text) })))
  const find = (text: string): number[] => index.find(soughtWords(text)).toSorted((a, b) => a - b)
  return { index, find }
}

describe('createTextIndex', () => {
  it('finds rows by all their words, whole or as they begin', () => {
    const { find } = indexOf('Long walks, two cats', 'A cat walks', 'I am 2')
    expect(find('walk CAT')).toEqual([0, 1])
    expect(find('walks long')).toEqual([0])
    expect(find('am')).toEqual([2])
    expect(find('tw')).toEqual([])
  })

  it('finds one and two letters of scripts without blanks', () => {
    const { find } = indexOf('東京に住んでいます', '京都の猫', '서울에서')
    expect(find('京')).toEqual([0, 1])
    expect(find('東京')).toEqual([0])
    expect(find('猫')).toEqual([1])
    expect(find('서울')).toEqual([2])
  })

  it('takes nothing in a text for syntax', () => {
    const { find } = indexOf('cat OR dog', 'not near')
    expect(find('cat" OR "near')).toEqual([])
    expect(find('NOT near*')).toEqual([1])
  })

  it('forgets removed rows, whose places others may take', () => {
    const { index, find } = indexOf('Brot', 'Brot und Salz')
    index.remove([0])
    expect(find('brot')).toEqual([1])
    index.add([{ row: 0, words: wordsOf('Salz') }])
    expect(find('salz')).toEqual([0, 1])
    expect(find('brot')).toEqual([1])
    index.remove([7])
  })
})
