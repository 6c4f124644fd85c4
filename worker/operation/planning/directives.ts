/** What a sentence tells memory to do, and with what. */
export interface Directive {
  kind: 'state' | 'remember' | 'correct' | 'forget' | 'refer'
  /** Text that is kept; for `forget` what is to be looked for. */
  content: string
  /** What the memory concerned is found by, where that is not the content. */
  query: string | null
  semanticType: string | null
}

const PLEASE = String.raw`^\s*(?:(?:please|pls|hey|ok(?:ay)?|and|also|now|so)[, ]+)*(?:(?:can|could|would|will) you (?:please )?)?`
const pattern = (body: string): RegExp => new RegExp(PLEASE + body, 'iu')

const REMEMBER = pattern(
  String.raw`(?:(?:remember|note(?: down)?|keep in mind|don['’]t forget|do not forget|make a note|save|store|jot down|record)(?: this| it)?|fyi|for the record|for future reference|just so you know)(?:[:,]| that)?\s+(?<content>.+)$`,
)
const REMEMBER_CHINESE =
  /^\s*(?:请|麻烦)?(?:帮我|你要)?(?:记住|记下来?|记一下|记得|别忘了|备注|记录一下)(?:这个|一下)?[：:，,\s]*(?<content>.+)$/u
const FORGET = pattern(
  String.raw`(?:forget|delete|erase|remove|wipe|drop)\s+(?!it[.!]?$|about it)(?:everything|all(?: of)?|anything|the (?:note|memory|memories|fact|entry|part)s?|what)?\s*(?:that i (?:said|told you)|i (?:said|told you))?\s*(?:about|on|of|that|regarding|with)?\s*(?<content>.+)$`,
)
const FORGET_CHINESE =
  /^\s*(?:请|麻烦)?(?:帮我)?(?:(?:忘记|忘掉|删除|删掉|清除)(?!了)(?:所有|全部)?(?:关于)?(?<content>.+?)(?:的(?:记忆|信息|笔记|内容))?|把(?:关于)?(?<other>.+?)(?:的(?:记忆|信息|笔记|内容))?(?:忘记|忘掉|忘了|删除|删掉|删了|清除)(?:掉)?)[。.!！]*$/u
const CHANGE = pattern(
  String.raw`(?:update|change|correct|amend|set)\s+(?:my|our)\s+(?<attribute>.+?)(?:\s+from\s+.+?)?(?:\s+to(?: be)?\s+|\s*[:=]\s*)(?<value>.+?)[.!]*$`,
)
const CHANGE_CHINESE = /^\s*请?把我的?(?<attribute>.+?)(?:改成|改为|换成|更新为|更正为)(?<value>.+?)[。.!！]*$/u
const CORRECTION = pattern(
  '(?:(?:no|sorry|wait|oh)[,.:! ]+)*(?:actually|correction|i meant|to correct myself|scratch that)[,:. ]+(?<content>.+)$',
)
const CORRECTION_CHINESE = /^\s*(?:其实|更正|纠正一下|不对|说错了|准确地?说)[：:，,]?\s*(?<content>.+)$/u
const REFER =
  /^\s*(?:regarding|about|as for|concerning|following up on|on the (?:topic|subject) of|re:)\s+(?<query>[^,:]{2,80})[,:]\s*(?<content>.+)$/iu
const REFER_CHINESE = /^\s*(?:关于|至于|说到)(?<query>[^，,：:]{1,40})[，,：:]\s*(?<content>.+)$/u

/** Reads a sentence as a directive to memory; one that is none states something. */
export function directiveOf(sentence: string): Directive {
  const text = sentence.trim()
  return forget(text) ?? correct(text) ?? remember(text) ?? refer(text) ?? state(text)
}

const state = (content: string): Directive => ({ kind: 'state', content, query: null, semanticType: null })

function forget(text: string): Directive | null {
  if (/^\s*(?:do not|don['’]t|别|不要)/i.test(text)) return null
  const groups = FORGET.exec(text)?.groups ?? FORGET_CHINESE.exec(text)?.groups
  const what = groups?.content ?? groups?.other
  if (what === undefined) return null
  const query = what.replace(/^(?:my|our|the|that|我的?|我们的?)\s*/i, '').replace(/[.!?。！？\s]+$/, '')
  return query === '' ? null : { kind: 'forget', content: query, query, semanticType: null }
}

function correct(text: string): Directive | null {
  const change = CHANGE.exec(text)?.groups
  if (change !== undefined) {
    const content = `My ${change.attribute} is ${change.value}.`
    return { kind: 'correct', content, query: change.attribute ?? null, semanticType: null }
  }
  const chinese = CHANGE_CHINESE.exec(text)?.groups
  if (chinese !== undefined) {
    const content = `我的${chinese.attribute}是${chinese.value}。`
    return { kind: 'correct', content, query: chinese.attribute ?? null, semanticType: null }
  }
  const content = (CORRECTION.exec(text) ?? CORRECTION_CHINESE.exec(text))?.groups?.content
  return content === undefined ? null : { kind: 'correct', content: opened(content), query: null, semanticType: null }
}

function remember(text: string): Directive | null {
  const content = (REMEMBER.exec(text) ?? REMEMBER_CHINESE.exec(text))?.groups?.content
  // "Remember the engineer?" asks; "Can you remember that I …?" does not.
  const asks = /[?？]$/.test(text) && !/^(?:can|could|would|will) you\b/i.test(text)
  if (content === undefined || asks || /^(?:when|what|who|where|how|if)\b/i.test(content)) return null
  // "remember to call" without its verb says nothing: the whole sentence is the task.
  if (/^to \w/i.test(content)) return { kind: 'remember', content: text, query: null, semanticType: 'task_prompt' }
  return { kind: 'remember', content: opened(content), query: null, semanticType: null }
}

function refer(text: string): Directive | null {
  const query = (REFER.exec(text) ?? REFER_CHINESE.exec(text))?.groups?.query
  return query === undefined ? null : { kind: 'refer', content: text, query: query.trim(), semanticType: null }
}

/** With the capital that its sentence lost. */
const opened = (content: string): string => content.charAt(0).toUpperCase() + content.slice(1)
