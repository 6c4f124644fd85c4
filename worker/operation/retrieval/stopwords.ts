/** Words that carry grammar rather than topic, compared before stemming. "may" is not among them: in questions it is mostly the month. */
const ENGLISH = `
  a an the and or but nor if as of at by for with about into to from in on onto off over under out up down through during before after above
  below between until while because than then so once again there here
  i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it its itself
  they them their theirs themselves this that these those
  what which who whom whose how when where why
  am is are was were be been being have has had having do does did doing done can could would should will shall might must
  all any both each few more most other another some such no not only own same too very just also ever
  ain aren couldn didn doesn don hadn hasn haven isn mightn mustn needn shan shouldn wasn weren won wouldn
  s t d ll m re ve`

const CHINESE = `
  的 了 在 是 和 与 及 或 也 都 就 而 着 过 吗 呢 吧 啊 呀 把 被 让 给 对 向 于 从 到 为 以 其 之 所 等 将 还 又 很
  我 你 您 他 她 它 们 这 那 哪 谁 什 么 几 怎 何 请 问 个 些 有 没 不
  我们 你们 您们 他们 她们 它们 这个 那个 这些 那些 哪个 哪些 什么 怎么 怎样 如何 为何 谁的 是否 请问 一个 是什 是谁 的是 了什 了哪 在哪 是哪 有哪 有什 么是`

const toSet = (words: string): ReadonlySet<string> => new Set(words.trim().split(/\s+/u))

const ENGLISH_WORDS = toSet(ENGLISH)
const CHINESE_TERMS = toSet(CHINESE)

/** Whether an index term is left out of queries: English by the folded word it comes from, Chinese by the term. */
export const isStopword = (word: string, term: string): boolean => ENGLISH_WORDS.has(word) || CHINESE_TERMS.has(term)
