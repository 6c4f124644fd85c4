import { CHINESE_DATE } from './fact-dates.ts'
import type { FactPattern, Groups } from './fact-pattern.ts'

const RELATION =
  '妻子|老婆|太太|丈夫|老公|先生|女朋友|男朋友|妈妈|母亲|爸爸|父亲|姐姐|妹妹|哥哥|弟弟|儿子|女儿|奶奶|爷爷|外婆|外公|叔叔|阿姨|同事|室友|老板|朋友'
const SURNAME =
  '王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段钱汤尹黎易常武乔贺赖龚文'
const NAME = `(?:[小老阿][${SURNAME}]|[${SURNAME}]\\p{Script=Han}{1,2}?|[A-Z][A-Za-z]+)`
/** Who a clause is about. */
const S = `(?<s>我(?:的)?(?:${RELATION})|我们|我|${NAME})`
const NOW = '(?:现在|目前|如今|一直|已经|刚刚|刚|最近|也|还)*'
const PLACE = '(?<o>[\\p{Script=Han}A-Za-z]{2,12}?)'
const THING = '(?<o>[\\p{Script=Han}A-Za-z0-9]{1,14}?)'
const JOB =
  '(?<o>[\\p{Script=Han}A-Za-z]{0,8}(?:工程师|老师|教师|医生|护士|律师|设计师|经理|厨师|作家|会计|分析师|顾问|总监|科学家|研究员|教授|摄影师|建筑师|飞行员|司机|记者|编辑|程序员|学生|翻译|演员|歌手|画家|店长|主管|助理|销售|警察|消防员|药剂师|牙医|教练|导游|农民|创业者|自由职业者|产品经理|总裁|校长|博士生|研究生))'
const re = (source: string): RegExp => new RegExp(`^${source}$`, 'u')
const petOf = ({ k, n }: Groups): string => (n === undefined ? (k ?? '') : `${n} (${k ?? ''})`)
const EVENT =
  '[\\p{Script=Han}A-Za-z]{0,8}(?:预约|会议|航班|面试|考试|婚礼|旅行|聚会|手术|演讲|截止日期|发布会|体检|复查|讲座|演唱会|答辩|比赛|培训)'

/** Ways in which Chinese states what is kept as a fact; the first that fits a clause counts. */
export const CHINESE_PATTERNS: readonly FactPattern[] = [
  {
    predicate: 'lives_in',
    match: re(`${S}${NOW}(?:不再|已经不|不)(?:居)?住在${PLACE}(?:了)?`),
    says: 'ends',
    isEntity: true,
    needsOver: true,
  },
  {
    predicate: 'lives_in',
    match: re(`${S}(?:以前|曾经|原来|之前|过去)(?:居)?住在${PLACE}`),
    says: 'ends',
    isEntity: true,
  },
  { predicate: 'lives_in', match: re(`${S}${NOW}(?:居)?住在${PLACE}`), says: 'holds', isEntity: true },
  { predicate: 'lives_in', match: re(`${S}${NOW}定居(?:在|于)?${PLACE}(?:了)?`), says: 'holds', isEntity: true },
  {
    predicate: 'lives_in',
    match: re(
      `${S}${NOW}(?:从(?<p>[\\p{Script=Han}]{2,8}?))?(?:搬到|搬去|搬家到|搬家去|移居到?|搬回)(?:了)?${PLACE}(?:了|住|居住)?`,
    ),
    says: 'holds',
    isEntity: true,
  },
  {
    predicate: 'works_at',
    match: re(`${S}${NOW}(?:不再|已经不|不)在${PLACE}(?:工作|上班)(?:了)?`),
    says: 'ends',
    isEntity: true,
    needsOver: true,
  },
  {
    predicate: 'works_at',
    match: re(`${S}(?:以前|曾经|原来|之前|过去)在${PLACE}(?:工作|上班)`),
    says: 'ends',
    isEntity: true,
  },
  { predicate: 'works_at', match: re(`${S}${NOW}从${PLACE}(?:离职|辞职|退休)(?:了)?`), says: 'ends', isEntity: true },
  { predicate: 'works_at', match: re(`${S}${NOW}(?:离职|辞职|退休|失业|被裁员|被裁)了`), says: 'ends', object: '' },
  { predicate: 'works_at', match: re(`${S}${NOW}在${PLACE}(?:工作|上班|任职)(?:了)?`), says: 'holds', isEntity: true },
  {
    predicate: 'works_at',
    match: re(`${S}${NOW}(?:加入|入职|跳槽到)(?:了)?${PLACE}(?:工作|上班)?(?:了)?`),
    says: 'holds',
    isEntity: true,
  },
  {
    predicate: 'job',
    match: re(`${S}${NOW}(?:不再是|已经不是)(?:一名|一位|一个)?${JOB}(?:了)?`),
    says: 'ends',
    needsOver: true,
  },
  { predicate: 'job', match: re(`${S}${NOW}(?:是|当上了|当|做)(?:一名|一位|一个)?${JOB}(?:了)?`), says: 'holds' },
  {
    predicate: 'job',
    match: re(
      `${S}${NOW}(?:被)?(?:升职为|晋升为|提拔为|转行做|改行做|成为|成了)(?:了)?(?:一名|一位|一个)?${JOB}(?:了)?`,
    ),
    says: 'holds',
  },
  { predicate: 'job', match: re(`${S}的?(?:职业|工作)${NOW}是${JOB}`), says: 'holds' },
  {
    predicate: 'name',
    match: re('(?<s>我)(?:的名字)?(?:叫|的名字是|改名叫|改名为)(?<o>[\\p{Script=Han}A-Za-z]{2,8})'),
    says: 'holds',
  },
  { predicate: 'age', match: re(`${S}${NOW}(?:满)?(?<o>\\d{1,3})岁(?:了)?`), says: 'holds' },
  { predicate: 'birthday', match: re(`${S}的?生日(?:是|在)(?<o>${CHINESE_DATE})`), says: 'holds', isDated: true },
  { predicate: 'birthday', match: re(`${S}(?:出生于|生于)(?<o>${CHINESE_DATE})`), says: 'holds', isDated: true },
  {
    predicate: 'spouse',
    match: re(`(?<s>我|${NAME})的?(?:妻子|老婆|太太|丈夫|老公|先生)(?:是|叫)${PLACE}`),
    says: 'holds',
    isEntity: true,
  },
  { predicate: 'spouse', match: re(`${S}${NOW}(?:和|跟|与|同)(?<o>${NAME})结婚了`), says: 'holds', isEntity: true },
  { predicate: 'spouse', match: re(`${S}${NOW}(?:和|跟|与|同)(?<o>${NAME})离婚了`), says: 'ends', isEntity: true },
  {
    predicate: 'partner',
    match: re(`(?<s>我|${NAME})的?(?:女朋友|男朋友|女友|男友|未婚妻|未婚夫)(?:是|叫)${PLACE}`),
    says: 'holds',
    isEntity: true,
  },
  {
    predicate: 'partner',
    match: re(`${S}${NOW}(?:和|跟|与|同)(?<o>${NAME})(?:在一起|订婚)了`),
    says: 'holds',
    isEntity: true,
  },
  { predicate: 'partner', match: re(`${S}${NOW}(?:和|跟|与|同)(?<o>${NAME})分手了`), says: 'ends', isEntity: true },
  {
    predicate: 'relationship_status',
    match: re(`${S}${NOW}(?:是)?(?<o>单身|已婚|离婚|结婚|订婚)(?:了|的)?`),
    says: 'holds',
  },
  {
    predicate: 'diet',
    match: re(`${S}${NOW}(?:不再|已经不)(?:是|吃)(?<o>素食者|素食|素)(?:了)?`),
    says: 'ends',
    object: () => '素食',
  },
  {
    predicate: 'diet',
    match: re(`${S}${NOW}(?:是|成为|成了|开始吃|吃)(?:一名|一个)?(?<o>素食者|素食|素)(?:了)?`),
    says: 'holds',
    object: () => '素食',
  },
  { predicate: 'allergic_to', match: re(`${S}${NOW}对${THING}(?:不再|已经不)过敏(?:了)?`), says: 'ends' },
  { predicate: 'allergic_to', match: re(`${S}${NOW}对${THING}(?:严重)?过敏`), says: 'holds' },
  {
    predicate: 'phone',
    match: re(
      `${S}的?(?:新)?(?:手机号码|电话号码|手机号|电话|手机)${NOW}(?:是|改成|改为|换成|变成)(?:了)?(?<o>\\+?\\d[\\d -]{5,16}\\d)`,
    ),
    says: 'holds',
  },
  {
    predicate: 'email',
    match: re(
      `${S}的?(?:新)?(?:邮箱地址|邮箱|电子邮件|邮件地址)${NOW}(?:是|改成|改为|换成)(?:了)?(?<o>[\\w.+-]+@[\\w-]+(?:\\.[\\w-]+)+)`,
    ),
    says: 'holds',
  },
  {
    predicate: ({ k }) => `favourite_${k ?? ''}`,
    match: re(`${S}${NOW}最(?:喜欢|爱)的(?<k>[\\p{Script=Han}]{1,4}?)(?:是|变成了?|改成了?)${THING}`),
    says: 'holds',
  },
  { predicate: 'prefers', match: re(`${S}${NOW}更(?:喜欢|偏爱|爱)${THING}(?:,?而不是.+)?`), says: 'holds' },
  { predicate: 'likes', match: re(`${S}${NOW}(?:不再|已经不|不)(?:喜欢|爱)${THING}了`), says: 'ends' },
  { predicate: 'likes', match: re(`${S}(?:以前|曾经|过去)(?:很|非常|最)?(?:喜欢|爱)${THING}`), says: 'ends' },
  {
    predicate: 'dislikes',
    match: re(`${S}${NOW}(?:很|非常|特别|真的)?(?:不喜欢|不爱|讨厌|受不了)${THING}`),
    says: 'holds',
  },
  {
    predicate: 'likes',
    match: re(`${S}${NOW}(?:很|非常|特别|最|真的|超)?(?:喜欢|热爱|酷爱|爱)(?:上了)?${THING}`),
    says: 'holds',
    refuse: /^(?:你|他|她|它|这|那|的|上|看到|和|跟)/,
  },
  {
    predicate: 'has_pet',
    match: re(
      `${S}${NOW}(?:养|领养|收养)(?:了|着)?(?:一)?(?:只|条|个|匹)(?:[\\p{Script=Han}]{0,4}?的?)?(?<k>猫咪|小猫|小狗|猫|狗|兔子|仓鼠|鹦鹉|乌龟|金毛|柯基|哈士奇|马)(?:,?(?:名叫|叫)(?<n>[\\p{Script=Han}A-Za-z]{1,6}))?`,
    ),
    says: 'holds',
    object: petOf,
  },
  {
    predicate: 'owns',
    match: re(
      `${S}${NOW}(?:买了|有|拥有)(?:一)?(?:辆|台|套|架|部)(?<o>[\\p{Script=Han}A-Za-z0-9]{1,10}?(?:车|房子|公寓|钢琴|相机|电脑|无人机|房|特斯拉)?)`,
    ),
    says: 'holds',
  },
  {
    predicate: 'owns',
    match: re(
      `${S}${NOW}(?:把)?(?:我的|那辆|那台|那套)?(?<o>[\\p{Script=Han}A-Za-z0-9]{1,10}?(?:车|房子|公寓|钢琴|相机|电脑|无人机))(?:卖掉了|卖了|送人了)`,
    ),
    says: 'ends',
  },
  {
    predicate: 'date',
    match: re(
      `(?:(?<s>我的?|我们的?))?(?<e>${EVENT})(?:已经|被)?(?:改到|改期到|推迟到|提前到|延期到|定在|安排在|订在|约在|是|在)(?:了)?(?<d>${CHINESE_DATE})(?:了)?(?:上午|下午|晚上)?(?:.{0,6}点.{0,3})?`,
    ),
    says: 'holds',
    object: ({ d }) => d ?? '',
    subject: ({ s, e = '' }, self) => (s === undefined ? e : `${self}的${e}`),
    isDated: true,
  },
  {
    predicate: 'date',
    match: re(`(?:(?<s>我的?|我们的?))?(?<e>${EVENT})(?:已经|被)?(?:取消)了`),
    says: 'ends',
    object: '',
    subject: ({ s, e = '' }, self) => (s === undefined ? e : `${self}的${e}`),
  },
  {
    predicate: 'budget',
    match: re(
      `(?:我的|我们的|我们|我)?(?<e>[\\p{Script=Han}A-Za-z]{0,8}?)(?:的)?预算${NOW}(?:是|为|改成|改为|增加到|减少到|调整为|提高到|降到)(?:了)?(?<o>[¥$€]?\\d[\\d,.]*(?:万|千|百)?(?:元|块钱|块|美元|欧元|人民币)?)`,
    ),
    says: 'holds',
    subject: ({ e = '' }, self) => (e === '' ? self : e),
  },
  {
    predicate: 'status',
    match: re(
      '(?<s>[\\p{Script=Han}A-Za-z0-9]{1,12}?(?:项目|网站|报告|系统|装修|迁移|论文|订单))(?:已经|现在|目前|被)*(?<o>完成|暂停|延期|取消|上线|启动|搁置|通过审核|发布)了',
    ),
    says: 'holds',
  },
]
