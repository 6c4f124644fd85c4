export interface Judged {
  /** What vectors give a document, 0..1. */
  vector: number
  /** What words give it, as a share of the best that they give, 0..1. */
  words: number
}

/** How fast the say of vectors falls with their redundancy: at one half, a sixteenth is left. */
const FALL = 4

/** Among more documents the nearest are near by chance more often: the greatest of n chance cosines grows with the logarithm of n. */
const DOCUMENTS_WITHOUT_CHANCE = 1000
const CHANCE_FALL = 1.5

/**
 * The say of vectors in one query, 0..1, from the documents near to it. Two rankings are worth adding where they agree on what is right and differ
 * in their errors (Lee 1997; Vogt and Cottrell 1999). Vectors that go with the words, or that favour what the words have found, tell nothing new:
 * their difference from the words is then mostly error, as with a weak model. `documents`: how many they were chosen from.
 */
export function sayOfVectors(near: readonly Judged[], documents: number): number {
  const chance = Math.log(DOCUMENTS_WITHOUT_CHANCE) / Math.log(Math.max(documents, DOCUMENTS_WITHOUT_CHANCE))
  return chance ** CHANCE_FALL * (1 - Math.min(1, Math.max(0, correlation(near), wordsOfFavoured(near)))) ** FALL
}

/** Pearson's; 0 where one of the two is the same for all. */
function correlation(near: readonly Judged[]): number {
  const middle = { vector: 0, words: 0 }
  for (const { vector, words } of near) {
    middle.vector += vector / near.length
    middle.words += words / near.length
  }
  let both = 0
  let ofVectors = 0
  let ofWords = 0
  for (const { vector, words } of near) {
    both += (vector - middle.vector) * (words - middle.words)
    ofVectors += (vector - middle.vector) ** 2
    ofWords += (words - middle.words) ** 2
  }
  const scale = Math.sqrt(ofVectors * ofWords)
  return scale > 0 ? both / scale : 0
}

/** Mean of what words give, by the squared shares that vectors give. */
function wordsOfFavoured(near: readonly Judged[]): number {
  let sum = 0
  let weights = 0
  for (const { vector, words } of near) {
    sum += vector ** 2 * words
    weights += vector ** 2
  }
  return weights > 0 ? sum / weights : 0
}
